import { Lexer } from "yaml";
import { type LayoutMistake, LayoutWalk } from "./layout-walk.js";

/**
 * The mistakes of a text, asked for by the documents that the parser finds errors in, one after another: the text is read
 * once, however many they are.
 */
export class LayoutMistakes {
  readonly #mistakes: Iterator<LayoutMistake>;
  #ahead: LayoutMistake | undefined;

  constructor(text: string) {
    this.#mistakes = layoutMistakes(text);
  }

  /** The first that one of a document's errors comes of. What the parser takes is right, whatever it looks like. */
  behind(errors: readonly number[]): LayoutMistake | undefined {
    const last = Math.max(...errors);
    for (;;) {
      const mistake = this.#ahead ?? (this.#mistakes.next().value as LayoutMistake | undefined);
      this.#ahead = mistake;
      if (!mistake || mistake.from > last) return undefined;
      this.#ahead = undefined;
      if (errors.some((offset) => mistake.from <= offset && offset <= mistake.to)) return mistake;
    }
  }
}

function* layoutMistakes(text: string): Generator<LayoutMistake> {
  const walk = new LayoutWalk(text);
  for (const source of new Lexer().lex(text)) {
    const mistake = walk.take(source);
    if (mistake) yield mistake;
  }
  const mistake = walk.endLine();
  if (mistake) yield mistake;
}
