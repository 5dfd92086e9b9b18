"""Every error that a user can meet. Each message says what, which file or facility, and what to do next."""


class FacilityWatchError(Exception):
    """Base of all errors that carry a sentence for the user."""


class InputError(FacilityWatchError):
    """Something the user gave can't be used. The command line ends with exit code 2."""


class SourceError(FacilityWatchError):
    """Imagery could not be searched or read. The facility becomes `not_assessable`, never `unchanged`."""


class TemporarySourceError(SourceError):
    """A source failed in a way that may pass; worth another try."""


class BudgetReachedError(SourceError):
    """A bound on bytes or processing units was met. The run ends there; what is done is kept."""


class SceneUnusableError(SourceError):
    """One scene can't be used; the others can. The message is the reason shown to the user."""


class SceneUnreadError(SceneUnusableError, TemporarySourceError):
    """One scene's pixels couldn't be fetched, though others' could; they are worth another try."""


class ServiceDownError(TemporarySourceError):
    """Nothing that was asked of a service of late was answered."""


class SceneNotClearError(SceneUnusableError):
    """Too little of the area is seen in one scene, whoever asks and whenever: its bands were not fetched."""


class StoreError(FacilityWatchError):
    """The ledger or an output folder can't be read or written."""
