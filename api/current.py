"""The model that answers now, and its replacement when the registry's current one changes."""

import gc
import threading
from dataclasses import dataclass, field, replace

import structlog

from api.answers import Answerer, Knowledge
from api.case_library import library_state, make_library
from api.database import Database
from api.settings import Settings
from models.registry import Registry
from triage.errors import ModelError, ModelNotFoundError

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class CurrentModel:
    """Holds one loaded model; a request keeps the one it started with.

    A version that does not load leaves the one before in place.
    """

    settings: Settings
    knowledge: Knowledge
    _answerer: Answerer | None = None
    _failed: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _watcher: threading.Thread | None = None

    def start(self) -> None:
        """Load the current version, and look for a new one from time to time."""
        self.refresh()
        self._watcher = threading.Thread(target=self._watch, name="model-watch", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopping.set()
        if self._watcher:
            self._watcher.join()

    def get(self) -> Answerer:
        """Give what answers now.

        Raises
        ------
        ModelNotFoundError
            If no version could be loaded yet.
        """
        if self._answerer is None:
            raise ModelNotFoundError(
                f"no model is loaded from {self.settings.registry}: `triage doctor` says why"
            )
        return self._answerer

    @property
    def version(self) -> str | None:
        """Id of the version that answers now; None where none could be loaded."""
        return self._answerer.version if self._answerer else None

    def category_names(self) -> dict[str, str]:
        """Give the names of the model's categories by id; nothing where it has none."""
        if self._answerer is None:
            return {}
        tasks = {task.id: task for task in self._answerer.bundle.taxonomy.tasks}
        found = tasks.get("category")
        return {label.id: label.name for label in found.labels} if found else {}

    def refresh(self) -> None:
        """Load the registry's current version if it is another one than ours."""
        registry = Registry(self.settings.registry)
        try:
            version = registry.current()
            if version == self.version:
                return
            answerer = Answerer(registry.load(version), self.knowledge, self.settings)
            answerer.warm_up()
            with self._lock:
                self._answerer = answerer
            # What was loaded stays: the collector need not walk through it again and again.
            gc.collect()
            gc.freeze()
        except ModelError as error:
            self._report(error)
            return
        self._failed = None
        log.info("model loaded", model=version)

    def refresh_library(self, database: Database) -> None:
        """Read the resolved cases anew if there are others, or another model."""
        answerer = self._answerer
        if answerer is None or not self.settings.similar_cases:
            return
        with database.read() as connection:
            if library_state(connection, answerer.bundle) == answerer.library.state:
                return
            library = make_library(connection, answerer.bundle)
        with self._lock:
            # A model loaded meanwhile keeps no cases in the old one's space.
            if self._answerer is answerer:
                self._answerer = replace(answerer, library=library)

    def _report(self, error: ModelError) -> None:
        if str(error) != self._failed:
            log.error("model not loaded", error=type(error).__name__, reason=str(error))
        self._failed = str(error)

    def _watch(self) -> None:
        while not self._stopping.wait(self.settings.reload_seconds):
            self.refresh()
