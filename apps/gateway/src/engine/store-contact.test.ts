import { expect, test } from "vitest";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { BOOT_GRACE_MS } from "./limits.ts";
import { StoreContact } from "./store-contact.ts";

const LEASE_MS = 6000;

function world() {
  const clock = new ManualClock();
  return { clock, contact: new StoreContact({ clock, leaseDurationMs: LEASE_MS, isOnlyGateway: true }) };
}

test("a gateway that was itself without the store judges nobody for one lease time after it is back", () => {
  const { clock, contact } = world();
  expect(contact.mayJudge()).toBe(true);
  contact.answered();
  clock.advance(1900);
  expect(contact.mayJudge()).toBe(true);
  clock.advance(200);
  expect(contact.mayJudge()).toBe(false);
  contact.answered();
  expect(contact.mayJudge()).toBe(false);
  for (let ms = 0; ms < LEASE_MS; ms += 1000) {
    clock.advance(1000);
    contact.answered();
  }
  expect(contact.mayJudge()).toBe(true);
});

test("silences within one lease add up: each may have cost another gateway a renewal", () => {
  const { clock, contact } = world();
  const outage = (ms: number) => {
    contact.missed();
    clock.advance(ms);
    contact.answered();
  };
  const well = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500);
      contact.answered();
    }
  };
  contact.answered();
  outage(1300);
  expect(contact.mayJudge()).toBe(true);
  well(1500);
  outage(900);
  expect(contact.mayJudge()).toBe(false);
  well(LEASE_MS);
  expect(contact.mayJudge()).toBe(true);
  // What lies a lease back costs nobody anything any more.
  outage(1300);
  well(LEASE_MS);
  outage(900);
  expect(contact.mayJudge()).toBe(true);
});

test("pauses between statements that the gateway made itself are no silences", () => {
  const { clock, contact } = world();
  for (let n = 0; n < 20; n++) {
    clock.advance(900);
    contact.answered();
    expect(contact.mayJudge()).toBe(true);
  }
});

test("a gateway that starts beside others judges nobody at first: the store may have been away until now, and they have yet to come back to it", () => {
  const { clock } = world();
  const contact = new StoreContact({ clock, leaseDurationMs: LEASE_MS, isOnlyGateway: false });
  for (let ms = 0; ms < BOOT_GRACE_MS; ms += 1000) {
    expect(contact.judgesUntil()).toBeNull();
    clock.advance(1000);
    contact.answered();
  }
  expect(contact.mayJudge()).toBe(true);
});

test("a verdict is good for a third of a lease by the database's own time, which is never taken for later than it is", () => {
  const { clock, contact } = world();
  contact.answered();
  expect(contact.judgesUntil()).toBe(Number.POSITIVE_INFINITY);
  contact.toldTime(50_000);
  clock.advance(1000);
  expect(contact.judgesUntil()).toBe(51_000 + LEASE_MS / 3);
  clock.advance(3000);
  expect(contact.judgesUntil()).toBeNull();
});

test("a gateway that was suspended, its clock with it, learns from the database's time that it was away, and judges nobody for one lease time", () => {
  const { clock, contact } = world();
  contact.answered();
  contact.toldTime(50_000);
  clock.advance(100);
  contact.answered();
  contact.toldTime(50_100 + LEASE_MS);
  for (let ms = 0; ms < LEASE_MS; ms += 1000) {
    expect(contact.judgesUntil()).toBeNull();
    clock.advance(1000);
    contact.answered();
  }
  expect(contact.mayJudge()).toBe(true);
});
