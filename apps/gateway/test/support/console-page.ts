import type { Browser, BrowserContext, Page, Request } from "playwright-core";

/** A page of the console in a browser. */
export interface ConsolePage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page complained of: errors, and what its policy blocked. */
  readonly complaints: string[];
  /** Resolves when these words are on the page. */
  shows(words: string): Promise<void>;
  /** Resolves when this expression is true in the page. */
  becomes(condition: string): Promise<void>;
  /** Resolves when the page has a heading, and awaits no answer of the API but streams. */
  settles(): Promise<void>;
  close(): Promise<void>;
}

/** How long a page may take to show something, and how often it is looked at, in milliseconds. */
const SHOWN_MAX_MS = 60_000;
const POLL_MS = 50;

/** Opens an address of the console. `key`: entered where the console asks for one. */
export async function openConsole(
  browser: Browser,
  url: string,
  options: {
    readonly key?: string;
    readonly width?: number;
    readonly height?: number;
    readonly colorScheme?: "light" | "dark";
  } = {},
): Promise<ConsolePage> {
  const { key, width = 1440, height = 900, colorScheme = "light" } = options;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  const awaited = new Set<Request>();
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith("/api/") && !/\/(?:stream|watch)$/.test(pathname)) awaited.add(request);
  });
  const answered = (request: Request): void => void awaited.delete(request);
  page.on("requestfinished", answered);
  page.on("requestfailed", answered);
  // A page that is left fails its requests without a word.
  page.on("framenavigated", (frame) => {
    if (frame === page.mainFrame()) awaited.clear();
  });
  await page.addInitScript(
    "document.addEventListener('securitypolicyviolation', (event) => console.error('blocked: ' + event.violatedDirective))",
  );
  await page.goto(url);
  if (key !== undefined) {
    await page.fill("#credential", key);
    await page.keyboard.press("Enter");
  }
  // The page's policy lets no script in, so the condition is evaluated from outside.
  async function becomes(condition: string): Promise<void> {
    const deadline = performance.now() + SHOWN_MAX_MS;
    while ((await page.evaluate(condition)) !== true) {
      if (performance.now() > deadline) {
        throw new Error(`not so: ${condition}\n${await page.evaluate<string>("document.body.innerText")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
  async function settles(): Promise<void> {
    const deadline = performance.now() + SHOWN_MAX_MS;
    // Two looks in a row: what has come may ask for more in the frame after it.
    for (let quiet = 0; quiet < 2; ) {
      const isThere = await page.evaluate(
        "document.querySelector('h1, h2') !== null && document.querySelector('[aria-busy=true]') === null",
      );
      await page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))");
      quiet = isThere === true && awaited.size === 0 ? quiet + 1 : 0;
      if (performance.now() > deadline)
        throw new Error(`still awaited: ${[...awaited].map((one) => one.url()).join(" ")}`);
    }
  }
  return {
    page,
    context,
    complaints,
    settles,
    shows: (words) => becomes(`document.body.innerText.includes(${JSON.stringify(words)})`),
    becomes,
    close: () => context.close(),
  };
}
