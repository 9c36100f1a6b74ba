/** What a release is made from. */
export interface ReleaseState {
  readonly isDry: boolean;
  readonly hasToken: boolean;
  /** Files that differ from the last commit. */
  readonly changedFiles: readonly string[];
  /** Changesets that no version has taken up. */
  readonly awaiting: readonly string[];
  readonly versions: readonly { readonly name: string; readonly version: string }[];
}

/** Returns what stands in the way of a release, a sentence each. A dry run needs no token, and no last commit. */
export function releaseFaults({ isDry, hasToken, changedFiles, awaiting, versions }: ReleaseState): string[] {
  const faults: string[] = [];
  const different = new Set(versions.map(({ version }) => version));
  if (different.size > 1) {
    const list = versions.map(({ name, version }) => `${name} ${version}`).join(", ");
    faults.push(`the packages have different versions: ${list}. Run 'npx changeset version'.`);
  }
  if (isDry) return faults;
  if (!hasToken) faults.push("NODE_AUTH_TOKEN holds no token of the registry.");
  if (changedFiles.length > 0) faults.push(`the tree has changes: ${changedFiles.join(", ")}. Commit them first.`);
  if (awaiting.length > 0) {
    faults.push(`changes await their version: ${awaiting.join(", ")}. Run 'npx changeset version', then commit.`);
  }
  return faults;
}
