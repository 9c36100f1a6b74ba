import { expect, test } from "vitest";
import { usersOf } from "./own-machine.ts";

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41 1
   1: 0100007F:0BB9 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 42 1
   2: 0100007F:D431 0100007F:0BB9 01 00000000:00000000 00:00000000 00000000  1001        0 43 1
`;

test("another user of the machine is told by the socket that the request came from", () => {
  expect(usersOf(TABLE, { from: 54_321, to: 3001 })).toEqual([1001]);
  expect(usersOf(TABLE, { from: 3001, to: 54_321 })).toEqual([1000]);
  expect(usersOf(TABLE, { from: 54_322, to: 3001 })).toEqual([]);
  expect(usersOf("", { from: 54_321, to: 3001 })).toEqual([]);
});
