/** Bounds of the command line, each with its unit and the trouble it prevents (R9). */

/** Characters of a call's arguments or result on the terminal: each is shown on one line. */
export const SHOWN_CHARACTERS_MAX = 400;
