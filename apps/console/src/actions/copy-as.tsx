import { Menu, MenuButton, MenuItem, MenuProvider } from "@ariakit/react";
import { useState } from "react";
import { type ApiCall, writtenCall } from "./written-calls.ts";
import styles from "./copy-as.module.css";

const WORDS = { curl: "curl", sdk: "SDK", cli: "command line" } as const;

/** Copies what a button does, for a terminal or a program. */
export function CopyAs({ call }: { readonly call: ApiCall }) {
  const [copied, setCopied] = useState<string | null>(null);
  const texts = writtenCall(call, location.origin);
  return (
    <MenuProvider>
      <MenuButton className={styles.button}>{copied === null ? "Copy as" : `copied for ${copied}`}</MenuButton>
      <Menu className={styles.menu} gutter={4} portal>
        {(["curl", "sdk", "cli"] as const).map((form) => (
          <MenuItem
            key={form}
            className={styles.item}
            onClick={() => void navigator.clipboard.writeText(texts[form]).then(() => setCopied(WORDS[form]))}
          >
            {WORDS[form]}
          </MenuItem>
        ))}
      </Menu>
    </MenuProvider>
  );
}
