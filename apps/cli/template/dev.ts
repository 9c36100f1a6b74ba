/** `npm run dev`: the gateway, this machine as a device, and the page. Ctrl-C ends all of them. */
import { type ChildProcess, spawn } from "node:child_process";

const running: ChildProcess[] = [];
let isEnding = false;

function start(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "inherit"],
    shell: process.platform === "win32",
  });
  child.stdout?.pipe(process.stdout, { end: false });
  child.once("error", (error) => end(`${command}: ${error.message}`));
  child.once("exit", () => end(`'${command} ${args.join(" ")}' has ended`));
  running.push(child);
  return child;
}

function end(why: string): void {
  if (isEnding) return;
  isEnding = true;
  console.error(why);
  for (const child of running) child.kill("SIGTERM");
}

process.once("SIGINT", () => end("ending"));
process.once("SIGTERM", () => end("ending"));

// The device and the page need the gateway's key, which is there once it listens.
const gateway = start("hsafa", ["dev", ...process.argv.slice(2)]);
let printed = "";
const look = (text: Buffer): void => {
  printed += text.toString();
  if (!printed.includes("listening on")) return;
  gateway.stdout?.off("data", look);
  start("hsafa", ["device", "--tools", "device.ts"]);
  start("vite", []);
};
gateway.stdout?.on("data", look);
