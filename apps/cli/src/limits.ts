/** Bounds of the command line, each with its unit and the trouble it prevents (R9). */

/** Characters of a call's arguments or result on the terminal: each is shown on one line. */
export const SHOWN_CHARACTERS_MAX = 400;
/** Characters of any other foreign text, such as a name or a message: more would push the lines around it away. */
export const FOREIGN_CHARACTERS_MAX = 4000;
/** Characters of the arguments that a person decides about. What is left out is counted for them. */
export const DECIDED_CHARACTERS_MAX = 4000;
/** How much of a text in front decides whether a joiner belongs to the spelling: one character, in UTF-16 units. */
export const CONTEXT_CHARACTERS = 2;
/** Columns below which lines are not broken: such a terminal does not tell its width rightly. */
export const COLUMNS_MIN = 20;
/** Columns of a terminal that does not tell them: few have less. */
export const COLUMNS_DEFAULT = 80;
/** Columns from one tab stop to the next: terminals have eight unless they are told otherwise. */
export const TAB_COLUMNS = 8;
/** Versions among which one is looked for by its label: a label that is older is found by its id. */
export const VERSIONS_SEARCHED_MAX = 2000;
/** Devices that are looked at to say who offers a tool. A fleet of more is asked for by label, not by eye. */
export const DEVICES_LOOKED_AT_MAX = 1000;
/** Characters in front of a difference that are shown, so that a person finds the place. */
export const COMMON_CHARACTERS_SHOWN = 30;
/** Files of agents that one command reads: more are a wrong folder. */
export const AGENT_FILES_MAX = 500;
/** How long a run says nothing until the command asks what it waits for, in milliseconds: models think for seconds. */
export const WAIT_TOLD_AFTER_MS = 2000;
/** Calls of a run that are looked at to say what it waits for. */
export const CALLS_LOOKED_AT_MAX = 1000;
/** How long one check of `hsafa doctor` may take, in milliseconds: longer is an answer too. */
export const CHECK_TIMEOUT_MS = 5000;
/** How far the clock may be off, in milliseconds. A `Date` header has full seconds, and tokens live for minutes. */
export const CLOCK_SKEW_MS_MAX = 5000;
/** How far the events of the measured run must lie apart, in milliseconds, so that a buffer shows. */
export const STREAM_SPREAD_MS_MIN = 300;
/** How long an agent's file may take to load, in milliseconds: a module that never ends must not stop the watch. */
export const AGENT_LOAD_TIMEOUT_MS = 10_000;
/** How long folders must be quiet until their files are read, in milliseconds: a save is several changes. */
export const WATCH_DEBOUNCE_MS = 100;
/** Folders that are watched at once: each holds a handle of the system. */
export const WATCHED_FOLDERS_MAX = 100;
/** How often `hsafa dev` looks for runs and devices to tell of, in milliseconds: a person notices no less. */
export const FEED_POLL_MS = 1000;
/** Runs that `hsafa dev` follows at once: the terminal of a person shows no more. */
export const FEED_RUNS_MAX = 50;
/** How long a refusal is told once only, in milliseconds: a page that is refused tries again and again. */
export const REFUSAL_TOLD_EVERY_MS = 30_000;
/** Different refusals that are remembered. Beyond, one may be told again. */
export const REFUSALS_REMEMBERED_MAX = 100;
/** How long the run that `hsafa doctor` measures may take, in milliseconds: enough for a few sentences. */
export const MEASURED_RUN_MS_MAX = 15_000;
/** Characters of a hash that name a version: a shorter text is a label, because people count versions. */
export const HASH_CHARACTERS_MIN = 6;

/** Children of a run that are followed at once: the terminal of a person shows no more. */
export const CHILDREN_FOLLOWED_MAX = 50;
/** How long the last lines of a child that has ended are waited for, in milliseconds: its end came another way. */
export const CHILD_LAST_WORDS_MS = 2000;
/** Facts of a run that are searched for a message that has entered it. A run has 20,000 at most. */
export const EVENTS_SEARCHED_MAX = 20_000;
/** How long a command works until it shows how far it is, in milliseconds: a line that comes and goes is noise. */
export const PROGRESS_AFTER_MS = 1000;
/** How often such a line is drawn anew, in milliseconds: its seconds must not jump. */
export const PROGRESS_EVERY_MS = 250;
