import type { Route } from "./route.ts";

/** Pages that load nothing from elsewhere, not even a script. */

/** The style of every page, as it stands between the tags. */
export const PAGE_STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1rem; color: #222; background: #fff; }
  code { font: 14px/1.4 ui-monospace, monospace; background: #f3f3f3; padding: .1em .3em; border-radius: 3px; }
  table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #ddd; }
  a { color: #0b57d0; } .method { font-weight: 600; }
  @media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818; } code { background: #2a2a2a; } td, th { border-color: #333; } a { color: #8ab4f8; } }
`;

/** Returns the page that stands in place of a console that was not built. */
export function homePage(): string {
  return page(
    "hsafa",
    `<h1>hsafa</h1>
<p>A distributed agent runtime: agents run on the server, anyone allowed watches them from anywhere, and their tools execute on the devices where they belong.</p>
<p>The console was not built here. In the repository, <code>npm run build-console</code> builds it; then start the gateway again.</p>
<ul>
<li><a href="/docs">The API for reading</a>, and as <a href="/openapi.json">OpenAPI 3.1</a></li>
<li><a href="/health">Health</a>, <a href="/ready">readiness</a>, <a href="/metrics">metrics</a></li>
</ul>`,
  );
}

/** Returns a page with every call of the API, its scopes and its responses. */
export function docsPage(routes: readonly Route[]): string {
  const tags = [...new Set(routes.map(({ tag }) => tag))];
  const sections = tags.map((tag) => {
    const rows = routes.filter((route) => route.tag === tag).map(rowOf);
    return `<h2>${escaped(tag)}</h2><table><thead><tr><th>Call</th><th>What it does</th><th>Scope</th><th>Answers</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
  });
  return page(
    "hsafa API",
    `<h1>hsafa API</h1>
<p>Send <code>Authorization: Bearer &lt;API key or token&gt;</code>. Bodies are JSON; every error is <code>application/problem+json</code> with a stable <code>code</code> and a
<code>detail</code> that says what to do. The schemas of bodies and answers are in <a href="/openapi.json">openapi.json</a>.</p>
<p>Two calls are WebSockets: <code>/devices/connect</code> for devices, <code>/api/watch</code> for several runs on one connection.</p>
${sections.join("\n")}`,
  );
}

function rowOf(route: Route): string {
  const scopes = route.access === "open" ? "open" : route.scopes.join(" or ") || "any";
  const fields = route.query === null ? "" : `<br>query: ${Object.keys(route.query.shape).map(code).join(" ")}`;
  const responses = Object.entries(route.responses).map(
    ([status, { description }]) => `${status} ${escaped(description)}`,
  );
  return `<tr><td><span class="method">${route.method}</span> ${code(route.path)}${fields}</td><td>${escaped(route.summary)}</td><td>${escaped(scopes)}</td><td>${responses.join("<br>")}</td></tr>`;
}

function code(text: string): string {
  return `<code>${escaped(text)}</code>`;
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(title)}</title><style>${PAGE_STYLE}</style></head>
<body>${body}</body></html>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
