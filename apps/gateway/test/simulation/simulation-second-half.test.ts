import { describe } from "vitest";
import { playInCi } from "./play-in-ci.ts";

describe("simulation", () => {
  playInCi("second half");
});
