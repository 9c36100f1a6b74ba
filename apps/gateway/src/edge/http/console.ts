import { join } from "node:path";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { notFound } from "../../access/refusal.ts";
import { type ConsoleFiles, readConsoleFiles } from "./console-files.ts";
import { sendProblem } from "./problem.ts";
import type { RequestLimits } from "./request-limits.ts";
import { sendConstant } from "./send-constant.ts";

/** Where the console is built: in the repository, and in the package alike. */
const FOLDER = join(import.meta.dirname, "../../../console");

let files: ConsoleFiles | null | undefined;

/** The files of the console; `null`: it was not built. */
export function consoleFiles(): ConsoleFiles | null {
  return (files ??= readConsoleFiles(FOLDER));
}

/** Serves what the pages of the console load. */
export function registerConsoleAssets(app: FastifyInstance, { limits }: { readonly limits: RequestLimits }): void {
  app.route({
    method: ["GET", "HEAD"],
    url: "/assets/:name",
    handler: async (request, reply) => {
      const { name = "" } = request.params as { readonly name?: string };
      const asset = consoleFiles()?.assets.get(name);
      const tooMany = limits.countStranger(request.raw, null);
      if (tooMany !== null) return sendProblem(reply, await limits.slow(tooMany));
      return asset === undefined ? sendProblem(reply, notFound("file")) : sendConstant(reply, asset);
    },
  });
}

/** Whether a browser asks for a page that is none of the API's: the console has one for each of its addresses. */
export function isConsoleAddress({ method, url, headers }: FastifyRequest): boolean {
  if (method !== "GET" || /^\/(api|devices\/connect|assets)(\/|$)/.test(url)) return false;
  return headers.accept?.includes("text/html") === true && consoleFiles() !== null;
}

/** Sends the console. It must have been built. */
export function sendConsole(reply: FastifyReply): FastifyReply {
  const built = consoleFiles();
  if (built === null) throw new Error("the console was not built");
  return sendConstant(reply, built.page);
}
