import axe from "axe-core";
import type { Page } from "playwright-core";

/** What a page violates, by the rules of axe. The script is evaluated, so the policy of the page stays as it is. */
export async function axeViolations(page: Page): Promise<unknown> {
  // A page keeps the script until another is opened in its place.
  if ((await page.evaluate("typeof axe")) === "undefined") await page.evaluate(`${axe.source}; 0`);
  return page.evaluate(`(async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => ({ id, at: nodes.map(({ html, failureSummary }) => html.slice(0, 160) + failureSummary) }));
  })()`);
}
