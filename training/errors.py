"""Why the training app says no. Each class has an HTTP status in `config.api_errors`."""


class MoveNotAllowed(Exception):
    """The run or version is in a state from which this step cannot be taken."""


class ModelUnknown(Exception):
    """No model of that name is registered."""


class ModelConflict(Exception):
    """A model of that name is registered already with another declaration."""


class TrainerUnknown(Exception):
    """No trainer of that kind is installed."""


class ParametersInvalid(Exception):
    """The model's declaration is incomplete, or has a value that its trainer does not allow."""


class VersionUnknown(Exception):
    """The model has no version of that number."""


class NothingReleased(Exception):
    """No version of the model was ever released, so there is no statement about one."""


class AttemptFailed(Exception):
    """One attempt at a step ended without a result; it is made again until the attempts end."""


class RunUnknown(Exception):
    """No training run of that number exists."""


class VersionManaged(Exception):
    """This service made the version and destroys it itself: nobody attests that it is gone."""


class AlreadyAttested(Exception):
    """Somebody has attested already that this version is gone."""


class DataRefused(Exception):
    """A gate looked at the training data and said no; the verdict names the gate and the reason."""


class VersionNotServable(Exception):
    """The version is unqualified, withdrawn, destroyed or tainted, so it cannot be released."""


class Stopped(Exception):
    """A stop is down for this model, its pool or everything; nothing starts until it is lifted."""


class StopUnknown(Exception):
    """There is no such stop, or it is lifted already."""


class TwoPeopleNeeded(Exception):
    """A stop is lifted by two people: one proposes, another confirms."""


class ArtefactMismatch(Exception):
    """What the trainer returned is not what it was asked for, so it is not used."""


class GatesInvalid(Exception):
    """What is declared about a training set's data contradicts itself, or names no known rule."""


class TrainerFailed(Exception):
    """An outside trainer came to nothing: it failed, took too long, or could not be started."""


class TrainerLost(Exception):
    """An outside trainer does not answer any more, or does not know of the work it was given."""


class ResultDisagrees(Exception):
    """An outside trainer's result does not agree with what it was given, so it is not used."""


class JobUnknown(Exception):
    """No such piece of work was given to an outside trainer."""


class JobEnded(Exception):
    """The piece of work has ended, or was given out again since: its token is stale."""


class AddressRefused(Exception):
    """The address is none that Lethe calls; the message says what is wrong with it.

    Only https is called, on the declared ports, and only public addresses: every one that the name
    has is checked. The settings name networks of your own.
    """
