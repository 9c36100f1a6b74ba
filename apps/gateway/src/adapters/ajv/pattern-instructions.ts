/**
 * Returns about how many instructions a pattern compiles to: one for each character, class and sign, times the counts
 * of the repetitions around it. A pattern that is none is refused when it is compiled, so no fault is reported here.
 */
export function patternInstructions(pattern: string): number {
  /** The instructions of each group that is open, and of the last atom in it. */
  const groups = [{ total: 0, atom: 0 }];
  for (let at = 0; at < pattern.length; at++) {
    const group = groups.at(-1);
    if (group === undefined) break;
    const atom = (instructions: number): void => {
      group.total += instructions;
      group.atom = instructions;
    };
    switch (pattern[at]) {
      case "\\":
        at += 1;
        atom(1);
        break;
      case "[":
        at = endOfClass(pattern, at);
        atom(1);
        break;
      case "(":
        groups.push({ total: 1, atom: 0 });
        break;
      case ")": {
        if (groups.length === 1) break;
        groups.pop();
        const around = groups.at(-1);
        if (around === undefined) break;
        around.total += group.total;
        around.atom = group.total;
        break;
      }
      case "{": {
        const counts = /^\{(\d{1,6})(?:,(\d{0,6}))?\}/.exec(pattern.slice(at, at + 20));
        if (counts === null) {
          atom(1);
          break;
        }
        const times = Math.max(1, Number(counts[1]), Number(counts[2] ?? 0));
        group.total += group.atom * (times - 1);
        group.atom *= times;
        at += counts[0].length - 1;
        break;
      }
      default:
        atom(1);
    }
  }
  // Groups that nothing closes count too.
  return groups.reduce((sum, { total }) => sum + total, 0);
}

/** Returns where the class that begins at `start` ends. */
function endOfClass(pattern: string, start: number): number {
  for (let at = start + 1; at < pattern.length; at++) {
    if (pattern[at] === "\\") at += 1;
    else if (pattern[at] === "]" && at > start + 1) return at;
  }
  return pattern.length;
}
