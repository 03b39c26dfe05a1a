"""Why the deletion app says no. Each class has an HTTP status in `config.api_errors`."""


class LineMalformed(Exception):
    """A line of an upload is not as documented; the message names its first mistake."""


class MoveNotAllowed(Exception):
    """The request is in a state from which this step cannot be taken."""


class RunUnderWay(Exception):
    """A run works on this store, or is stuck there; a replay begins when that one has ended."""


class MomentAhead(Exception):
    """The moment lies ahead: nothing can have been restored from a backup of then."""


class RequestUnknown(Exception):
    """There is no such request."""


class RequestAlreadyOpen(Exception):
    """Another request is open for an identifier of this demand, whose person is unverified.

    Nothing was kept, and no code was sent. Two requests whose people have shown who they are stand
    behind one another, or are merged; but nobody is answered who has not. Wait until the open
    request has ended. Which identifier it is remains unsaid: that would tell a caller what others
    asked for.
    """


class RegimeUnknown(Exception):
    """No regime of that name is declared."""


class IdempotencyKeyReused(Exception):
    """The key was used before with another body; a new demand needs a new key."""


class PlanOutdated(Exception):
    """Lineage changed after the plan was shown, so approving it would miss targets."""


class DisgorgementUnknown(Exception):
    """There is no such disgorgement, or it is not in a state in which that can be done."""


class DisgorgementConflict(Exception):
    """A disgorgement of the same data is open already."""


class ItemUnknown(Exception):
    """The disgorgement has no such thing left that only somebody's word can settle.

    What Lethe destroys itself nobody attests.
    """


class BatchUnknown(Exception):
    """There is no such batch, or its plan is approved already."""


class HoldUnknown(Exception):
    """There is no such hold, or it is released already."""


class HoldGroundUnknown(Exception):
    """The request's regime knows no such reason to keep; the message lists those it knows."""


class ExtensionNotAllowed(Exception):
    """The law lets no clock be extended so: the message says what it asks for."""


class CodeNotAllowed(Exception):
    """No code can be sent or taken now: the message says why."""


class CodeWrong(Exception):
    """That is not the code; after five wrong ones a new code has to be asked for."""


class VerificationNotPossible(Exception):
    """The person's address cannot be confirmed by a code: the message says why."""


class DenialNotAllowed(Exception):
    """The law lets nobody be denied so: the message says what it asks for."""


class PauseNotAllowed(Exception):
    """The law stops no clock so: the message says what it asks for."""


class PauseUnknown(Exception):
    """The request is not paused."""


class TwoPeopleNeeded(Exception):
    """A hold is ended, and a disgorgement approved, by somebody else than who began it."""


class LinkOfOne(Exception):
    """A link is between two identifiers; this one names the same twice."""


class LinkUnknown(Exception):
    """No link has added this to the request, or it was undone already."""


class NotComplete(Exception):
    """A certificate exists only when every target of the request has ended well."""


class RunUnknown(Exception):
    """There is no such run, or it is not stuck."""


class UploadUnreadable(Exception):
    """An upload cannot be read any further, as the message says; what was taken stays taken."""


class WorkMissing(Exception):
    """Rows of work that was listed or planned are gone, so nobody can say that it was done."""


class RecipientInvalid(Exception):
    """The declaration of a recipient does not fit its way of being told; the message says why."""


class RecipientUnknown(Exception):
    """There is no such recipient, or nothing is declared by which it could be told."""


class CallbackUnreadable(Exception):
    """The callback is signed, but not as OpenDSR says; the message names what is wrong."""


class CallbacksTooMany(Exception):
    """As many different callbacks about one request came as are kept; Lethe asks instead."""


class TellingOpen(Exception):
    """The recipient was neither told nor excused yet: that comes first, with its own proof."""


class TellingUnknown(Exception):
    """There is no such duty to tell a recipient, or it has ended already."""


class AgentInvalid(Exception):
    """The declaration of an authorised agent does not hold together; the message says why."""


class AgentUnknown(Exception):
    """There is no such authorised agent, or it is disabled, or enabled already."""


class AgentNotMeant(Exception):
    """The message was signed in the name of another agent than the one that sends it."""


class BusinessNotMeant(Exception):
    """The message is for another business than this one."""


class ExerciseUnsupported(Exception):
    """Only `deletion` can be exercised here; neither access nor an opt-out of sale."""


class MessageExpired(Exception):
    """The message has expired: sign a new one."""


class MessageFromLater(Exception):
    """The message was issued at a moment that lies ahead: one of the two clocks is wrong."""


class MessageMalformed(Exception):
    """The message of an agent is not as the Data Rights Protocol says it must be."""


class MessageRepeated(Exception):
    """A token was made with this message or a newer one: sign a new one to get another token."""


class MessageTooLong(Exception):
    """The message of an agent is longer than 64 KiB."""


class NobodyVerified(Exception):
    """insuf_verification: no claim that is used here is marked as verified by the agent."""


class RequestOfAnother(Exception):
    """The agent has no such request."""


class SignatureWrong(Exception):
    """The signature is not one of this agent's key over these bytes."""


class VerificationReserved(Exception):
    """Nobody can say `signed-agent`: Lethe says it of a message whose signature it has verified."""
