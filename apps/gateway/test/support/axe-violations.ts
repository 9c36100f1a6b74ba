import axe from "axe-core";
import type { Page } from "playwright-core";

/** What a page violates, by the rules of axe. The script is evaluated, so the policy of the page stays as it is. */
export async function axeViolations(page: Page): Promise<unknown> {
  return page.evaluate(`(async () => {
    ${axe.source}
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => ({ id, at: nodes.map(({ html, failureSummary }) => html.slice(0, 160) + failureSummary) }));
  })()`);
}
