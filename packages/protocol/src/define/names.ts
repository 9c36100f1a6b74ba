type Letter =
  | ("a" | "b" | "c" | "d" | "e" | "f" | "g" | "h" | "i" | "j" | "k" | "l" | "m")
  | ("n" | "o" | "p" | "q" | "r" | "s" | "t" | "u" | "v" | "w" | "x" | "y" | "z");
type Digit = "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9";

/** Whether all characters of a text are among these. */
type Holds<Text extends string, Character extends string> = Text extends ""
  ? true
  : Text extends `${infer First}${infer Rest}`
    ? First extends Character
      ? Holds<Rest, Character>
      : false
    : false;

type NameOf<Text extends string, First extends string, Next extends string, Rule extends string> = string extends Text
  ? Text
  : Text extends `${infer Begin}${infer Rest}`
    ? Begin extends First
      ? Holds<Rest, Next> extends true
        ? Text
        : Rule
      : Rule
    : Rule;

type AnyLetter = Letter | Uppercase<Letter>;

/** The same text if it may name a tool, else a type that says the rule. */
export type ToolName<Text extends string> = NameOf<
  Text,
  AnyLetter | "_",
  AnyLetter | Digit | "_" | "-",
  "a tool's name has letters, digits, '_' or '-', and begins with a letter or '_'"
>;

/** The same text if it may name an agent, else a type that says the rule. */
export type AgentName<Text extends string> = NameOf<
  Text,
  AnyLetter | Digit,
  AnyLetter | Digit | "_" | "." | "-",
  "an agent's name has letters, digits, '_', '.' or '-', and begins with a letter or digit"
>;
