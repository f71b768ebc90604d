"""Every error a caller can act on, in one tree.

::

    TriageError
    ├── InputError                        what somebody handed in cannot be used
    │   ├── TableError(ValueError)        a file of complaints that cannot be read or written
    │   ├── DatasetError(ValueError)      a labelled file that cannot be trained on or scored
    │   ├── TextError(ValueError)         a text outside the allowed length
    │   ├── ConfigError(ValueError)       a configuration or data file with a fault in it
    │   └── ReplayInputError(ValueError)  dated complaints that early warning cannot take
    ├── UnknownLabelError(ValueError)     a label or task outside the taxonomy
    ├── AlertStateError(ValueError)       a step that the life of an alert does not allow
    └── ModelError
        ├── ModelNotFoundError            the registry has no such version, or none at all
        ├── ModelCorruptError             a file of a version is missing, changed or refused
        └── ModelIncompatibleError        saved for other tasks, labels, code or library versions

A message says what was wrong, what was got, what is allowed, and what to do next. It never holds
complaint text. Programming mistakes stay ``ValueError`` and ``TypeError``.
"""


class TriageError(Exception):
    """Anything that a caller of this product can act on."""


class InputError(TriageError):
    """What somebody handed in cannot be used."""


class TableError(InputError, ValueError):
    """A file of complaints cannot be read or written."""


class DatasetError(InputError, ValueError):
    """A labelled file cannot be trained on or scored."""


class TextError(InputError, ValueError):
    """A text lies outside the allowed length."""


class ConfigError(InputError, ValueError):
    """A configuration or data file has a fault: names file, line and what is allowed."""


class ReplayInputError(InputError, ValueError):
    """Dated complaints that early warning cannot take: no time, or no time that can be read."""


class AlertStateError(TriageError, ValueError):
    """A step that the life of an alert does not allow: names state and what may follow."""


class UnknownLabelError(TriageError, ValueError):
    """A label or a task lies outside the taxonomy."""


class ModelError(TriageError):
    """A model cannot answer."""


class ModelNotFoundError(ModelError):
    """The registry has no such version, or none at all."""


class ModelCorruptError(ModelError):
    """A file of a version is missing, was changed, or is of a refused type."""


class ModelIncompatibleError(ModelError):
    """A version was saved for other tasks, labels, code or library versions."""
