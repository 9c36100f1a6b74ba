/**
 * The files of the console, as they were built (`npm run build-console`). They are read once. The pages of the console
 * have one file, whatever their address: it reads the address.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { type CompressedBytes, type ConstantPage, pageOf } from "./constant-page.ts";

/** What the console consists of. */
export interface ConsoleFiles {
  readonly page: ConstantPage;
  /** By name. A name tells the content, so that a browser never asks twice. */
  readonly assets: ReadonlyMap<string, ConstantPage>;
}

/**
 * It loads what this gateway serves, and nothing else. It makes no script and no style of a text, and gives no text to
 * the browser as HTML.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
  "frame-ancestors 'none'",
].join("; ");

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

/** Reads the files in a folder. Returns `null` if the console was not built there. */
export function readConsoleFiles(folder: string): ConsoleFiles | null {
  const page = join(folder, "index.html");
  if (!existsSync(page)) return null;
  const assets = join(folder, "assets");
  const names = readdirSync(assets).filter((name) => MEDIA_TYPES[extname(name)] !== undefined);
  return {
    page: pageOf({
      mediaType: "text/html; charset=utf-8",
      bytes: readFileSync(page),
      headers: { "content-security-policy": POLICY, "cross-origin-opener-policy": "noopener-allow-popups" },
    }),
    assets: new Map(names.map((name) => [name, assetAt(join(assets, name))])),
  };
}

function assetAt(path: string): ConstantPage {
  const compressed = (["br", "gzip"] as const).flatMap((encoding): CompressedBytes[] => {
    const file = `${path}${encoding === "br" ? ".br" : ".gz"}`;
    return existsSync(file) ? [{ encoding, bytes: readFileSync(file) }] : [];
  });
  return pageOf({
    mediaType: MEDIA_TYPES[extname(path)] ?? "application/octet-stream",
    bytes: readFileSync(path),
    compressed,
    headers: {
      "cache-control": "public, max-age=31536000, immutable",
      "cross-origin-resource-policy": "same-origin",
    },
  });
}
