import { expect, test } from "vitest";
import { clockTime, fullTime } from "./clock-time.ts";
import { count, dollars, grouped } from "./count.ts";
import { ago, duration } from "./duration.ts";
import { shortId } from "./short-id.ts";

test("a span is told in the units that a person would use", () => {
  const told = [0, 240, 4210, 59_949, 59_950, 188_000, 18_120_000, 273_600_000, -5].map(duration);
  expect(told).toEqual(["0 ms", "240 ms", "4.2 s", "59.9 s", "1 m 00 s", "3 m 08 s", "5 h 02 m", "3 d 4 h", "0 ms"]);
  expect([10, 42_000, 125_000, 7_300_000, 180_000_000].map(ago)).toEqual([
    "just now",
    "42 s ago",
    "2 m ago",
    "2 h ago",
    "2 d ago",
  ]);
});

test("a time is shown to the millisecond, and whole where it is copied", () => {
  expect(clockTime("2026-11-29T12:03:11.042Z", "utc")).toBe("12:03:11.042");
  expect(fullTime("2026-11-29T12:03:11.042Z", "utc")).toBe("2026-11-29 12:03:11.042 UTC");
});

test("amounts and counts are as short as they can be, and not shorter", () => {
  expect([count(1, "step"), count(4120, "token"), grouped(1234567)]).toEqual(["1 step", "4,120 tokens", "1,234,567"]);
  expect([dollars(0.011), dollars(12.5), dollars(0.5)]).toEqual(["$0.011", "$12.50", "$0.5"]);
});

test("ids of one hour are told apart by what is left of them", () => {
  expect(shortId("01a2bcd4-1111-7222-8333-44445555e359")).toBe("01a2…55e359");
  expect(shortId("short")).toBe("short");
});
