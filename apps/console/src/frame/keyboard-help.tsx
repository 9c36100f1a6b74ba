import { Dialog, DialogDismiss, DialogHeading } from "@ariakit/react";
import { useKeyGroups } from "./keys.ts";
import styles from "./keyboard-help.module.css";

/** Lists the keys that the page takes now. */
export function KeyboardHelp({ onClose }: { readonly onClose: () => void }) {
  // Several places may take keys under one heading, and some take none just now.
  const headings = Map.groupBy(
    useKeyGroups().filter(({ bindings }) => bindings.length > 0),
    ({ title }) => title,
  );
  return (
    <Dialog open onClose={onClose} className={styles.dialog} backdrop={<div className={styles.backdrop} />}>
      <header className={styles.header}>
        <DialogHeading>Keyboard</DialogHeading>
        <DialogDismiss className={styles.close}>Close</DialogDismiss>
      </header>
      {[...headings].map(([title, groups]) => (
        <section key={title}>
          <h2>{title}</h2>
          <dl className={styles.keys}>
            {groups.flatMap(({ bindings }) =>
              bindings.map(({ keys, does }) => (
                <div key={keys}>
                  <dt>
                    {keys.split(" ").map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dt>
                  <dd>{does}</dd>
                </div>
              )),
            )}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}
