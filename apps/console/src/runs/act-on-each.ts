import { HsafaError } from "@hsafa/client";

/** How it went, for each of several things. */
export interface EachOutcome {
  readonly done: readonly string[];
  readonly failed: readonly { readonly id: string; readonly why: string }[];
}

/** Does something to each of these, so many at once. One that fails stops no other, and the gateway's words say why. */
export async function actOnEach(
  ids: readonly string[],
  act: (id: string) => Promise<unknown>,
  atOnce: number,
): Promise<EachOutcome> {
  const waiting = [...ids];
  const done: string[] = [];
  const failed: { id: string; why: string }[] = [];
  const worker = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      try {
        await act(id);
        done.push(id);
      } catch (error) {
        failed.push({
          id,
          why: error instanceof HsafaError ? (error.problem?.detail ?? error.message) : String(error),
        });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { done, failed };
}
