/** The tool by which a run sleeps, in a world whose runs do. */
export const NAP = "nap";
