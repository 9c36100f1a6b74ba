/** Loads the page of a run, which is no part of what every page loads. */
export const loadRunPage = () => import("./run-page.tsx");
