import type { Finding } from "../../ports/finding.ts";
import { REDIS_VERSION_MIN } from "./limits.ts";
import { redisRefusal, UnsupportedRedis } from "./redis-refusal.ts";

/** What to do about a Redis that refuses to serve, by the code that it gives. */
const CURES: Readonly<Record<string, string>> = {
  NOAUTH: "It asks for a password: write redis://:password@host, or redis://user:password@host.",
  WRONGPASS: "Correct the user and the password in REDIS_URL, with /, ?, # and % percent-encoded.",
  NOPERM: "Let its user use xadd, xrange, pexpire, publish, subscribe, evalsha and eval on run:* and hsafa:*.",
  READONLY: "It is a replica: name the primary, or the service's primary endpoint.",
  OOM: "Give it more memory, or a maxmemory-policy that evicts.",
  MISCONF: "It cannot save its snapshot: make room on its disk, or set stop-writes-on-bgsave-error no.",
  NOREPLICAS: "It has too few replicas for min-replicas-to-write: bring them back, or lower it.",
  LOADING: "Wait until it has read its snapshot.",
  BUSY: "A script of somebody else runs there: SCRIPT KILL ends it.",
  MASTERDOWN: "It is a replica without its primary: name the primary.",
};
const OF_CLUSTER =
  "It is a cluster: name a Redis without cluster mode, or a proxy that hides it (docs/deploy/redis.md).";

/** Returns whether gateways can work with a Redis that took all that they ask, by what it said to HELLO. */
export function judgeRedis(hello: Readonly<Record<string, unknown>>, place: string): Finding {
  const { server = "redis", version } = hello;
  const name = server === "valkey" ? "Valkey" : "Redis";
  if (typeof version !== "string") {
    return { state: "ok", message: `${name} at ${place} takes and passes on what a gateway sends`, cure: null };
  }
  const what = `${name} ${version} at ${place}`;
  if (Number(version.split(".", 1)[0]) < REDIS_VERSION_MIN) {
    return {
      state: "broken",
      message: `${what} is too old`,
      cure: `Use Redis ${REDIS_VERSION_MIN} or later, or Valkey.`,
    };
  }
  return { state: "ok", message: `${what} takes and passes on what a gateway sends`, cure: null };
}

/** Returns what is wrong with a Redis that does not serve, and what to do. */
export function judgeRedisFailure(
  error: unknown,
  { place, isTls }: { readonly place: string; readonly isTls: boolean },
) {
  const message = error instanceof Error ? error.message || error.name : String(error);
  const broken = (what: string, cure: string): Finding => ({ state: "broken", message: what, cure });
  if (error instanceof UnsupportedRedis) {
    return broken(`what listens at ${place} is a cluster or a sentinel, and hsafa speaks to one primary`, OF_CLUSTER);
  }
  const refusal = redisRefusal(error);
  if (refusal !== null) return broken(`Redis at ${place} refuses: ${message}`, CURES[refusal] ?? OF_CLUSTER);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (/^(ENOTFOUND|EAI_AGAIN)$/.test(code)) return broken(`the name of ${place} is unknown here`, CORRECT);
  if (/^(ECONNREFUSED|EHOSTUNREACH|ETIMEDOUT)$/.test(code)) return broken(`nothing listens at ${place}`, START);
  if (/^(CERT_|ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code)) {
    const cure = "Give the authority that signed it as ?ssl_ca_certs=<file>; ?ssl_cert_reqs=none checks nothing.";
    return broken(`the certificate of ${place} is not accepted: ${message}`, cure);
  }
  // A Redis without TLS waits for the end of what it takes for a command.
  if (isTls && /SSL|TLS|EPROTO|ECONNRESET|timeout|no answer/i.test(`${code} ${message}`)) {
    const cure = "Write redis:// in place of rediss:// if it has none, or correct the port.";
    return broken(`what listens at ${place} answers nothing by TLS`, cure);
  }
  if (/timeout|no answer/i.test(message)) return broken(`what listens at ${place} does not answer in time`, START);
  const what = `what listens at ${place} does not speak as Redis does: ${message}`;
  return broken(what, isTls ? CORRECT : `Write rediss:// if it takes TLS only. ${CORRECT}`);
}

const CORRECT = "Correct host and port in REDIS_URL.";
const START = `Start Redis ${REDIS_VERSION_MIN} or later there, open the way to it, or correct REDIS_URL.`;
