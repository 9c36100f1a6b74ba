/** Every screen of the console with real runs, embedded and over a fleet. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { launchChromium } from "../../services/launch-chromium.ts";
import { missingServices } from "../../services/services.ts";
import { axeViolations } from "../../support/axe-violations.ts";
import { openConsole } from "../../support/console-page.ts";
import { type ConsoleScene, openConsoleScene } from "../../support/console-scene.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../../support/gateway-pairs.ts";

/** Pages begin here on a machine that may be busy. */
const TEST_MAX_MS = 600_000;

interface Look {
  readonly width: number;
  readonly colorScheme: "light" | "dark";
}

const LOOKS: readonly Look[] = [390, 1024, 1600].flatMap((width) => [
  { width, colorScheme: "light" },
  { width, colorScheme: "dark" },
]);

/** What is drawn does not hang on how many gateways there are, so over a fleet one look is enough. */
const LOOKS_OF_FLEET: readonly Look[] = [{ width: 1024, colorScheme: "light" }];

describe.skipIf(await missingServices("chromium")).each(GATEWAY_PAIRS)(
  "every screen %s",
  (_name, openPair, isSkipped) => {
    describe.skipIf(isSkipped)("in the console", () => {
      let pair: GatewayPair;
      let browser: Browser;
      let scene: ConsoleScene;
      // The page is at the gateway that did not start the runs, where there are two.
      const open = async (path: string, options: Parameters<typeof openConsole>[2] = {}) => {
        const shown = await openConsole(browser, pair.b.url + path, { key: pair.b.apiKey, ...options });
        onTestFinished(() => shown.close());
        return shown;
      };

      beforeAll(async () => {
        pair = await openPair();
        browser = await launchChromium();
        scene = await openConsoleScene(pair.a, pair.b);
      }, TEST_MAX_MS);
      afterAll(async () => {
        scene?.close();
        await browser?.close();
        await pair?.close();
      });

      test(
        "shows what there is, and axe finds nothing at any width, in light and in dark",
        async () => {
          const { page, shows, settles, complaints } = await open("/runs");
          await shows("support");
          for (const { name, path, press, click, shows: words } of [...scene.screens, ...scene.states]) {
            await page.goto(pair.b.url + path);
            await settles();
            if (press !== undefined) await page.keyboard.press(press);
            if (click !== undefined) await page.click(click);
            await shows(words);
            for (const look of pair.a === pair.b ? LOOKS : LOOKS_OF_FLEET) {
              await page.setViewportSize({ width: look.width, height: 900 });
              await page.emulateMedia({ colorScheme: look.colorScheme });
              await settles();
              expect({ name, ...look, violations: await axeViolations(page) }).toEqual({
                name,
                ...look,
                violations: [],
              });
              const isWider = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
              expect({ name, ...look, isWider }).toEqual({ name, ...look, isWider: false });
            }
          }
          // Chromium complains of the agent that is not there, which one of the screens asks for.
          expect(complaints.filter((complaint) => !complaint.includes("404"))).toEqual([]);
          const stranger = await openConsole(browser, pair.b.url);
          onTestFinished(() => stranger.close());
          await stranger.shows("Sign in to hsafa");
          for (const colorScheme of ["light", "dark"] as const) {
            await stranger.page.emulateMedia({ colorScheme });
            expect(await axeViolations(stranger.page)).toEqual([]);
          }
        },
        TEST_MAX_MS,
      );

      test(
        "is reached by the keyboard, and filters are written, kept in the address and read again",
        async () => {
          const { page, shows, becomes, complaints } = await open("/runs");
          await shows("support");
          for (const [key, heading] of [
            ["a", "Approvals"],
            ["d", "Devices"],
            ["t", "Agents"],
            ["e", "Threads"],
            ["h", "Health"],
            ["k", "Access"],
            ["r", "Runs"],
          ] as const) {
            await page.keyboard.press("g");
            await page.keyboard.press(key);
            await becomes(`document.querySelector("h1")?.innerText === "${heading}"`);
          }
          await page.keyboard.press("/");
          await page.keyboard.type("metadata:a-1709 device:laptop since:24h agent:support");
          await page.keyboard.press("Enter");
          await becomes("document.querySelectorAll('ul[aria-label=Runs] li').length === 1");
          expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({
            agent: "support",
            device: "laptop",
            since: "24h",
            metadata: "a-1709",
          });
          await page.reload();
          await becomes("document.querySelectorAll('ul[aria-label=Runs] li').length === 1");
          await page.keyboard.press("/");
          await page.keyboard.press("Control+A");
          await page.keyboard.type("metadata:A-1710");
          await page.keyboard.press("Enter");
          await shows("No run fits this filter");
          // Enter gives the keys back to the list.
          await page.keyboard.press("/");
          await page.keyboard.press("Control+A");
          await page.keyboard.type("since:soon");
          await page.keyboard.press("Enter");
          await shows("'soon' is no time.");
          expect(complaints).toEqual([]);
        },
        TEST_MAX_MS,
      );

      test(
        "a conversation goes on in its page, live, and is renamed, branched and deleted by the keyboard",
        async () => {
          const { page, shows, becomes, complaints } = await open(`/threads/${scene.threadId}`);
          await shows("And when does it arrive?");
          await shows("live");
          // The devices that had its calls stand beside them.
          await becomes(
            "document.body.innerText.includes('read_phone') && /\\bphone\\b/.test(document.body.innerText)",
          );
          const other = await pair.a.startRun({ agent: "support", input: "I am here too.", threadId: scene.threadId });
          await shows("I am here too.");
          await pair.a.waitForEnd(other.runId);
          await page.keyboard.press("m");
          await page.keyboard.type("Thank you so far.");
          await page.keyboard.press("Enter");
          await shows("Thank you so far.");
          await becomes("document.querySelector('textarea').value === ''");
          await page.keyboard.press("Escape");
          await page.keyboard.press("r");
          await becomes("document.activeElement?.id === 'thread-title'");
          await page.keyboard.press("Control+A");
          await page.keyboard.type("The lemon tree");
          await page.keyboard.press("Enter");
          await becomes("document.querySelector('h1')?.innerText === 'The lemon tree'");
          await page.getByRole("button", { name: "branch from the end of the run" }).last().press("Enter");
          await becomes("document.activeElement?.id === 'branch-title'");
          await page.keyboard.type("Another way");
          await page.keyboard.press("Enter");
          await page.waitForURL((url) => !url.pathname.includes(scene.threadId));
          await shows("of the thread before");
          await shows("branch of");
          await page.keyboard.press("D");
          await shows("Delete Another way?");
          await page.keyboard.press("Enter");
          await page.waitForURL(/\/threads$/);
          await shows("The lemon tree");
          await becomes("!document.body.innerText.includes('Another way')");
          expect(complaints).toEqual([]);
        },
        TEST_MAX_MS,
      );
    });
  },
);
