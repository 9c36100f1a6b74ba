/** The console over a fleet whose gateways die. */
import type { RunEvent } from "@hsafa/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { launchChromium } from "../../services/launch-chromium.ts";
import { missingServices } from "../../services/services.ts";
import { awaitedSpeaker, beginSpeaking } from "../../support/begin-speaking.ts";
import { openConsole } from "../../support/console-page.ts";
import { startKillableFleet } from "../../support/killable-fleet.ts";

/** Pages begin here on a machine that may be busy. */
const TEST_MAX_MS = 180_000;
const WORDS = 150;

describe.skipIf(await missingServices("chromium", "postgres", "redis"))("the console over a fleet", () => {
  test(
    "a gateway that is killed while a run is open costs the page no word, and no reload",
    async () => {
      const fleet = await startKillableFleet("http://unused.example");
      onTestFinished(() => fleet.close());
      const browser = await launchChromium();
      onTestFinished(() => browser.close());
      const headers = { authorization: `Bearer ${fleet.key}`, "content-type": "application/json" };
      const post = async <T>(path: string, body: object): Promise<T> =>
        (await (await fetch(fleet.url + path, { method: "POST", headers, body: JSON.stringify(body) })).json()) as T;
      await post("/api/agents", { name: "awaited", config: awaitedSpeaker("awaited", WORDS, 30) });
      const { runId } = await post<{ runId: string }>("/api/runs", { agent: "awaited", input: "talk" });
      const { page, shows } = await openConsole(browser, `${fleet.url}/runs/${runId}`, { key: fleet.key });
      await shows("live");
      await beginSpeaking(fleet, runId);
      await shows("word20 ");
      await page.evaluate("globalThis.isSamePage = true");
      fleet.killFirst();
      await shows("reconnecting");
      await shows("completed");
      const whole = Array.from({ length: WORDS }, (_, index) => `word${index + 1}`).join(" ");
      await shows(whole);
      expect(await page.evaluate("globalThis.isSamePage")).toBe(true);
      const { data } = (await (
        await fetch(`${fleet.url}/api/runs/${runId}/events?facts=true`, { headers })
      ).json()) as { data: RunEvent[] };
      // The run may have been held by the other gateway.
      if (data.some(({ type }) => type === "run.recovered")) await shows("The gateway that held the run was lost.");
      await page.keyboard.press("2");
      for (const { type } of data) await shows(type);
    },
    TEST_MAX_MS,
  );
});
