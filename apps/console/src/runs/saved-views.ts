/** Filters that a person has given a name. They stay in this browser. It is pure. */
import { SAVED_VIEWS_MAX, VIEW_NAME_CHARACTERS_MAX } from "../limits.ts";
import { filtersIn, type RunFilters } from "./run-filters.ts";

/** A list of runs by its name. */
export interface SavedView {
  readonly name: string;
  readonly filters: RunFilters;
}

/** Reads the views that a browser has kept. What is none is left out. */
export function readViews(kept: string | null): SavedView[] {
  try {
    const views = JSON.parse(kept ?? "[]") as unknown;
    if (!Array.isArray(views)) return [];
    return views.flatMap((view: unknown): SavedView[] => {
      if (typeof view !== "object" || view === null) return [];
      const { name, filters } = view as { name?: unknown; filters?: unknown };
      if (typeof name !== "string" || typeof filters !== "object" || filters === null) return [];
      return [{ name, filters: filtersIn(filters as Readonly<Record<string, unknown>>) }];
    });
  } catch {
    return [];
  }
}

/** Adds a view at the end. One of the same name is replaced where it stands. The oldest goes beyond the bound. */
export function withView(views: readonly SavedView[], { name, filters }: SavedView): SavedView[] {
  const view = { name: name.trim().slice(0, VIEW_NAME_CHARACTERS_MAX), filters };
  if (view.name === "") return [...views];
  const isKnown = views.some((one) => one.name === view.name);
  const next = isKnown ? views.map((one) => (one.name === view.name ? view : one)) : [...views, view];
  return next.slice(-SAVED_VIEWS_MAX);
}

/** Takes a view away. */
export function withoutView(views: readonly SavedView[], name: string): SavedView[] {
  return views.filter((view) => view.name !== name);
}
