import { expect, test } from "vitest";
import {
  CUT_ADDRESS_KEPT_MS,
  CUT_ADDRESS_PACE_MS,
  CUT_ADDRESS_WAIT_MS_MAX,
  CUT_ADDRESSES_REMEMBERED_MAX,
} from "../limits.ts";
import { CutAddresses } from "./cut-addresses.ts";

test("an address that was cut is read at a pace, and another one at once", () => {
  const addresses = new CutAddresses();
  expect(addresses.waitMs("10.0.0.1", 0)).toBe(0);
  addresses.cut("10.0.0.1", 0);
  expect([0, 0, 0].map((now) => addresses.waitMs("10.0.0.1", now))).toEqual([
    0,
    CUT_ADDRESS_PACE_MS,
    2 * CUT_ADDRESS_PACE_MS,
  ]);
  expect(addresses.waitMs("10.0.0.2", 0)).toBe(0);
});

test("a cut does not let an address begin its pace anew", () => {
  const addresses = new CutAddresses();
  addresses.cut("10.0.0.1", 0);
  addresses.waitMs("10.0.0.1", 0);
  addresses.cut("10.0.0.1", 1);
  expect(addresses.waitMs("10.0.0.1", 1)).toBe(CUT_ADDRESS_PACE_MS - 1);
});

test("of many connections none waits longer than the bound, so one that shares the address is served", () => {
  const addresses = new CutAddresses();
  addresses.cut("10.0.0.1", 0);
  const waits = Array.from({ length: 1000 }, () => addresses.waitMs("10.0.0.1", 0));
  expect(Math.max(...waits)).toBe(CUT_ADDRESS_WAIT_MS_MAX);
  expect(addresses.waitMs("10.0.0.1", CUT_ADDRESS_WAIT_MS_MAX)).toBe(CUT_ADDRESS_PACE_MS);
});

test("an address is forgotten after its last cut, and of too many the oldest", () => {
  const addresses = new CutAddresses();
  addresses.cut("10.0.0.1", 0);
  addresses.waitMs("10.0.0.1", 0);
  expect(addresses.waitMs("10.0.0.1", CUT_ADDRESS_KEPT_MS)).toBe(0);
  addresses.cut("10.0.0.2", CUT_ADDRESS_KEPT_MS);
  expect(addresses.size).toBe(1);
  for (let nth = 0; nth < CUT_ADDRESSES_REMEMBERED_MAX; nth++) addresses.cut(`other ${nth}`, CUT_ADDRESS_KEPT_MS);
  expect(addresses.size).toBe(CUT_ADDRESSES_REMEMBERED_MAX);
  expect(addresses.waitMs("10.0.0.2", CUT_ADDRESS_KEPT_MS)).toBe(0);
});
