import { Menu, MenuButton, MenuItem, MenuProvider } from "@ariakit/react";
import { useState } from "react";
import { type ApiCall, writtenCall } from "./written-calls.ts";
import styles from "./copy-as.module.css";

const WORDS = { curl: "curl", sdk: "SDK", cli: "command line" } as const;

/** Copies what a button does, for a terminal or a program. */
export function CopyAs({ call }: { readonly call: ApiCall }) {
  const [isOpen, setOpen] = useState(false);
  const [copied, setCopied] = useState<string | null>(null);
  return (
    <MenuProvider open={isOpen} setOpen={setOpen}>
      <MenuButton className={styles.button}>{copied === null ? "Copy as" : `copied for ${copied}`}</MenuButton>
      {isOpen && (
        <Menu className={styles.menu} gutter={4} portal>
          {(["curl", "sdk", "cli"] as const).map((form) => (
            <MenuItem
              key={form}
              className={styles.item}
              onClick={() =>
                void navigator.clipboard
                  .writeText(writtenCall(call, location.origin)[form])
                  .then(() => setCopied(WORDS[form]))
              }
            >
              {WORDS[form]}
            </MenuItem>
          ))}
        </Menu>
      )}
    </MenuProvider>
  );
}
