"""Read the tables of handling knowledge, and name file, line and fault where one is wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from triage.errors import ConfigError

_HEADER = re.compile(r"^\s*\[(\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")


@dataclass(frozen=True, slots=True)
class Row:
    """One table of a TOML file, with the means to read its fields or name its line.

    Parameters
    ----------
    table : Table
        The file that it stands in.
    header : str
        The name in brackets above it, such as ``rule``.
    number : int
        Which of the tables with that header it is, from 0.
    fields : mapping of str to object
        What stands in it.
    """

    table: Table
    header: str
    number: int
    fields: Mapping[str, Any]

    def fault(self, message: str, key: str | None = None) -> ConfigError:
        """Make the error that points at this row, or at one field of it.

        Parameters
        ----------
        message : str
            What is wrong, what was got, what is allowed.
        key : str or None, default=None
            The field at fault; None for the row as a whole.

        Returns
        -------
        ConfigError
            To be raised by the caller.
        """
        return self.table.fault(message, self.table.line_of(self.header, self.number, key))

    def expect(self, required: Collection[str], optional: Collection[str] = ()) -> None:
        """Refuse a row that lacks a field or has one that nobody reads.

        Parameters
        ----------
        required : collection of str
            Fields that must be there.
        optional : collection of str, default=()
            Fields that may be there.

        Raises
        ------
        ConfigError
            If a field is missing or unknown.
        """
        for key in required:
            if key not in self.fields:
                raise self.fault(f"[{self.header}] has no '{key}'")
        known = {*required, *optional}
        for key in self.fields:
            if key not in known:
                allowed = ", ".join(sorted(known))
                raise self.fault(f"unknown field '{key}': expected one of {allowed}", key)

    def text(self, key: str, default: str | None = None) -> str:
        """Give a field that holds a string.

        Parameters
        ----------
        key : str
            Name of the field.
        default : str or None, default=None
            What to give when it is absent; None makes the field necessary.

        Returns
        -------
        str
            The value, never blank unless the default is.

        Raises
        ------
        ConfigError
            If the field is absent without a default, no string, or blank.
        """
        if key not in self.fields and default is not None:
            return default
        value = self.fields.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.fault(f"'{key}' must be a non-empty string, got {value!r}", key)
        return value

    def words(self, key: str, *, empty: bool = True) -> tuple[str, ...]:
        """Give a field that holds a list of strings.

        Parameters
        ----------
        key : str
            Name of the field.
        empty : bool, default=True
            Whether it may be absent or have no entry.

        Returns
        -------
        tuple of str
            The entries in file order.

        Raises
        ------
        ConfigError
            If an entry is no string or blank, or the list is empty and must not be.
        """
        value = self.fields.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            raise self.fault(f"'{key}' must be a list of non-empty strings", key)
        if not value and not empty:
            raise self.fault(f"'{key}' must have at least one entry", key)
        return tuple(value)

    def choice(self, key: str, allowed: Collection[str], default: str | None = None) -> str:
        """Give a field that holds one of several words.

        Parameters
        ----------
        key : str
            Name of the field.
        allowed : collection of str
            The words it may hold.
        default : str or None, default=None
            What to give when it is absent; None makes the field necessary.

        Returns
        -------
        str
            One of `allowed`, or the default.

        Raises
        ------
        ConfigError
            If it holds another word.
        """
        if key not in self.fields and default is not None:
            return default
        value = self.text(key)
        if value not in allowed:
            raise self.fault(f"unknown {key} '{value}': expected one of {', '.join(allowed)}", key)
        return value

    def whole(self, key: str, default: int | None = None, *, least: int = 0) -> int:
        """Give a field that holds a whole number.

        Parameters
        ----------
        key : str
            Name of the field.
        default : int or None, default=None
            What to give when it is absent; None makes the field necessary.
        least : int, default=0
            Smallest number allowed.

        Returns
        -------
        int
            The number.

        Raises
        ------
        ConfigError
            If it is no whole number or too small.
        """
        if key not in self.fields and default is not None:
            return default
        value = self.fields.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.fault(f"'{key}' must be a whole number >= {least}, got {value!r}", key)
        return value


@dataclass(frozen=True, slots=True)
class Table:
    r"""A parsed TOML file that still knows on which line each table begins.

    Parameters
    ----------
    name : str
        The path as errors show it.
    data : mapping of str to object
        What tomllib made of it.
    lines : tuple of str
        The lines of the file.

    Examples
    --------
    >>> table = Table.parse('[[rule]]\nid = "a"\n', name="rules.toml")
    >>> [row.text("id") for row in table.rows("rule")]
    ['a']
    """

    name: str
    data: Mapping[str, Any]
    lines: tuple[str, ...] = field(repr=False)

    @classmethod
    def from_file(cls, path: str | Path | None, packaged: str) -> Table:
        """Read a file, or the one that comes with the package.

        Parameters
        ----------
        path : str, Path or None
            The file to read; None for the packaged one.
        packaged : str
            Name of the packaged file beside this module.

        Returns
        -------
        Table
            The parsed file.

        Raises
        ------
        ConfigError
            If the file is missing, not UTF-8 or not TOML.
        """
        name = packaged if path is None else str(path)
        try:
            if path is None:
                text = resources.files("triage").joinpath(packaged).read_text("utf-8")
            else:
                text = Path(path).read_text("utf-8")
        except OSError as error:
            raise ConfigError(f"{name}: cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{name}: is not UTF-8 at byte {error.start}") from error
        return cls.parse(text, name=name)

    @classmethod
    def parse(cls, text: str, *, name: str) -> Table:
        """Parse the text of a file.

        Parameters
        ----------
        text : str
            The TOML source.
        name : str
            How errors call the file.

        Returns
        -------
        Table
            The parsed file.

        Raises
        ------
        ConfigError
            If the text is not TOML; the message has the line.
        """
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{name}: {error}") from error
        return cls(name, data, tuple(text.splitlines()))

    def line_of(self, header: str, number: int = 0, key: str | None = None) -> int:
        """Find the line of a table, or of a key in it.

        Parameters
        ----------
        header : str
            The name in the brackets.
        number : int, default=0
            Which table of that name, from 0.
        key : str or None, default=None
            A key of it; None for the header line.

        Returns
        -------
        int
            Line number from 1; that of the header where the key is not found, 1 where neither is.
        """
        seen, found = -1, 0
        for at, line in enumerate(self.lines, start=1):
            if match := _HEADER.match(line):
                if found:
                    break
                seen += match[2] == header
                found = at if seen == number and match[2] == header else 0
            elif found and key is not None and re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line):
                return at
        return found or 1

    def fault(self, message: str, line: int = 1) -> ConfigError:
        """Make the error for a line of this file.

        Parameters
        ----------
        message : str
            What is wrong.
        line : int, default=1
            Where.

        Returns
        -------
        ConfigError
            To be raised by the caller.
        """
        return ConfigError(f"{self.name}, line {line}: {message}")

    def rows(self, header: str) -> Iterator[Row]:
        """Give every table of an array of tables.

        Parameters
        ----------
        header : str
            The name in the double brackets.

        Yields
        ------
        Row
            Each table, in file order.

        Raises
        ------
        ConfigError
            If the name stands for something else than an array of tables.
        """
        entries = self.data.get(header, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise self.fault(f"'{header}' must be written as [[{header}]]", self.line_of(header))
        for number, entry in enumerate(entries):
            yield Row(self, header, number, entry)

    def section(self, header: str) -> Row:
        """Give one plain table, empty if the file has none of that name.

        Parameters
        ----------
        header : str
            The name in the single brackets; dots lead into nested tables.

        Returns
        -------
        Row
            The table.

        Raises
        ------
        ConfigError
            If the name stands for something else than a table.
        """
        value: Any = self.data
        for part in header.split("."):
            value = value.get(part, {}) if isinstance(value, dict) else None
        if not isinstance(value, dict):
            raise self.fault(f"'{header}' must be a table", self.line_of(header))
        return Row(self, header, 0, value)

    def expect(self, headers: Collection[str]) -> None:
        """Refuse a file with a table that nobody reads.

        Parameters
        ----------
        headers : collection of str
            Top-level names that are allowed.

        Raises
        ------
        ConfigError
            If the file has another one.
        """
        for header in self.data:
            if header not in headers:
                allowed = ", ".join(sorted(headers))
                raise self.fault(
                    f"unknown table '{header}': expected one of {allowed}", self.line_of(header)
                )
