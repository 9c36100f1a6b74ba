/** Bounds of the console, each with its unit and the trouble it prevents (R9). */

// Lists
/** How often the newest page of a list is asked for, in ms. A person sees a new run soon. */
export const LIST_POLL_MS = 2000;
/** Rows on one page of a list. */
export const LIST_PAGE_ITEMS = 50;
/** Pages of a search that may have found nothing before a person is asked whether to go on. */
export const EMPTY_PAGES_MAX = 10;
/** Runs that are asked to end at once: the gateway has other work. */
export const CANCELS_AT_ONCE = 4;
/** Views that a browser keeps, and the characters of a name. */
export const SAVED_VIEWS_MAX = 50;
export const VIEW_NAME_CHARACTERS_MAX = 60;

// A run's record
/** Facts of the first page: enough to fill a screen, and soon there. */
export const FIRST_FACTS = 200;
/** Facts of the pages that follow in the background, and how many of them are asked for at once. */
export const FACTS_PAGE_ITEMS = 1000;
export const FACTS_PAGES_AT_ONCE = 3;
/** How often a page is told of facts that are far from what is seen, in ms: each time it draws all of them. */
export const BACKGROUND_TOLD_MS = 500;
/** Facts between two kept views: a view at any position is folded from the one before it. */
export const VIEW_EVERY_FACTS = 1000;
/** Facts that are folded at once, so that no frame of the page waits for more. */
export const FOLDED_AT_ONCE = 250;
/** Deltas that are read of one step, at most: the rest is counted. */
export const DELTAS_SHOWN_MAX = 5000;

// What is shown
/** Characters of a text or of a JSON value that are shown at once. The rest unfolds. */
export const TEXT_SHOWN_CHARACTERS = 64 * 1024;
/** Entries of one JSON object or list that are shown at once. */
export const JSON_ENTRIES_SHOWN = 100;
/** How deep JSON is unfolded at first. */
export const JSON_OPEN_DEPTH = 2;
/** How long a block of a text that grows stands still, in ms for each of its characters: about 20 times its cost. */
export const MARKDOWN_PACE_MS_PER_CHARACTER = 1 / 50;
/** How often the lanes of a run are drawn while it goes on, in ms. */
export const LANES_DRAWN_MS = 500;
/** Facts that are put on the lanes, or searched, at once. */
export const LANE_FACTS_AT_ONCE = 2000;
export const SEARCHED_AT_ONCE = 1000;
/** Characters of an event in a list: no line shows more. */
export const EVENT_LINE_CHARACTERS = 200;
/** The height of a row of a list, in CSS pixels. */
export const ROW_PX = 32;
/** Rows that are kept ready above and below what is seen. */
export const OVERSCAN_ROWS = 12;

// Lanes
/** A stretch without events that is longer than this is folded, in ms, and how wide it is then, of all the width. */
export const IDLE_FOLDED_AFTER_MS = 20_000;
export const IDLE_SHARE = 0.07;
/** Rows of one lane, for what happened at the same time. Beyond that they share the last one. */
export const LANE_ROWS_MAX = 5;
/** The narrowest part of the axis that is seen, of 1: below it a bar is wider than anybody can use. */
export const ZOOM_MIN = 1 / 20_000;
/** How far a pointer is moved before it draws over a stretch, and is no click, in pixels. */
export const DRAG_MIN_PX = 6;

// Keys
/** How long the first key of a pair waits for the second, in ms. */
export const KEY_PAIR_MS = 900;
/** How long "copied" is shown, in ms. */
export const COPIED_SHOWN_MS = 1500;

// Polling
/** How often the calls that await an approval are asked for, and the devices, in ms. */
export const AWAITING_POLL_MS = 3000;
export const DEVICES_POLL_MS = 3000;

/** How often the gateway that holds a run is asked for while the run is shown, in ms. */
export const HOLDER_POLL_MS = 3000;

// Calls
/** Calls on one page, and of one run that are read at once. What lies beyond is told. */
export const CALLS_PAGE_ITEMS = 200;
export const CALLS_READ_MAX = 2000;
/** Latest runs of a thread whose calls are read with their devices: a person looks at the end of a conversation. */
export const THREAD_RUNS_WITH_CALLS_MAX = 10;
/** How often they are read again while the run goes on, in ms. */
export const CALLS_READ_EVERY_MS = 500;

// What differs
/** Changed lines that a comparison looks for, at most. Its time and memory grow with the square of them. */
export const DIFF_EDITS_MAX = 1000;
/** Lines that are shown around a change. */
export const DIFF_CONTEXT_LINES = 3;
/** Lines of a comparison that are shown at once. */
export const DIFF_LINES_SHOWN = 500;

// Agents
/** How often agents, their versions and threads are asked for, in ms. */
export const AGENTS_POLL_MS = 5000;
/** Agents, versions of one, or threads on one page. What lies beyond is read when it is asked for. */
export const AGENTS_PAGE_ITEMS = 100;
/** Runs of a conversation that the playground shows: the latest. Each of them is followed. */
export const PLAYED_RUNS_SHOWN = 20;

// Threads
/** Runs of a conversation that its page shows: the latest. Each that has not ended is followed. */
export const THREAD_RUNS_FOLLOWED = 50;

// Files
/** The form of the files that are written, and the only one that is read. */
export const RUN_FILE_VERSION = 1;
/** Bytes of a file that is opened, at most: a run's facts have 32 MiB, and its deltas about as much. */
export const FILE_BYTES_MAX = 128 * 2 ** 20;
/** Deltas that a file takes. Those beyond are counted in it. */
export const EXPORT_DELTAS_MAX = 200_000;

// Compare
/** Steps of a run that are aligned by what they call. The time that it takes grows with the square of them. */
export const ALIGNED_STEPS_MAX = 500;
/** What a step costs that only one run has. Two of them cost more than a step that calls otherwise. */
export const STEP_GAP_COST = 2;
/** Runs that are offered to be compared with one. */
export const OFFERED_RUNS = 20;

// The tool tester
/** How long a call of the tester may take, in ms, and how often it is asked for. */
export const TESTED_CALL_TIMEOUT_MS = 60_000;
export const TESTED_CALL_POLL_MS = 250;
/** Arguments that are filled in by a form. A tool with more of them takes JSON. */
export const FORM_FIELDS_MAX = 30;
// Health
/** How often the state of the gateways is asked for, in ms, and how many of the answers a line shows. */
export const FLEET_POLL_MS = 3000;
export const FLEET_SAMPLES = 60;
/** After how long without a heartbeat a gateway is called silent, in ms: it beats twice a second. */
export const GATEWAY_SILENT_MS = 10_000;
/** How long a run may be due before somebody should look, in ms. */
export const DUE_TROUBLE_MS = 10_000;
/** Failed runs that are shown. */
export const FAILED_RUNS_SHOWN = 5;
