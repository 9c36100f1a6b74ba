import { type RefObject, useRef } from "react";
import { useKeys } from "./keys.ts";

/** Lets `j` and `k` go through the links of a list. Returns what the list is bound to. */
export function useRowKeys<List extends HTMLElement>(noun: string): RefObject<List | null> {
  const list = useRef<List>(null);
  const move = (by: number): void => {
    const rows = [...(list.current?.querySelectorAll<HTMLElement>("a") ?? [])];
    const now = rows.findIndex((row) => row === document.activeElement);
    const chosen = list.current?.querySelector<HTMLElement>("a[aria-current]");
    const from = now >= 0 ? now : chosen === null || chosen === undefined ? -1 : rows.indexOf(chosen);
    rows[Math.max(0, Math.min(rows.length - 1, from + by))]?.focus();
  };
  useKeys("Rows", [
    { keys: "j", does: `next ${noun}`, run: () => move(1) },
    { keys: "k", does: `${noun} before`, run: () => move(-1) },
  ]);
  return list;
}
