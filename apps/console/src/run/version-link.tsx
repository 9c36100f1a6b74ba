import type { Run } from "@hsafa/protocol";
import { Link } from "@tanstack/react-router";
import { useVersion } from "../agents/use-version.ts";
import { shortHash } from "../words/short-id.ts";

/** The version that a run executes, by its label and hash. */
export function VersionLink({ run, className }: { readonly run: Run; readonly className: string | undefined }) {
  const version = useVersion(run);
  if (version === undefined) return null;
  return (
    <Link
      to="/agents/$agent"
      params={{ agent: run.agentName }}
      search={{ version: version.id }}
      className={className}
      title={version.configHash}
    >
      version {version.version} {shortHash(version.configHash)}
    </Link>
  );
}
