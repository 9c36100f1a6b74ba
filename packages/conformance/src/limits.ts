/** More than any message of the protocol. */
export const MESSAGE_MAX_BYTES = 4 << 20;
/** What is shown of a value that is not as it should be. */
export const SHOWN_MAX_CHARACTERS = 200;
/** The last of what a program wrote to its standard error. */
export const COMPLAINTS_MAX_CHARACTERS = 2000;
/** The most that the API gives in one page. */
export const PAGE_LIMIT = 200;
/** How long a device may take to register, in milliseconds. */
export const REGISTER_MAX_MS = 15_000;
/** How long a run of a case may take, and a program that follows one, in milliseconds. */
export const RUN_MAX_MS = 60_000;
/** How long what follows the end of a run may take, in milliseconds. */
export const SETTLE_MAX_MS = 6000;
/** How long a program may take to end after it was asked to, in milliseconds. */
export const STOP_MAX_MS = 2000;
/** How often the runner looks whether something has happened, in milliseconds. */
export const POLL_MS = 50;
