import { type CommandName, commandTable } from "./command-table.js";
import { shellQuoted } from "../shared/shell-quoted.js";
import { type Definition, defineCommand, type OptionDefinition, takesValue, WrongUsage } from "./define-command.js";

export const completionCommand = defineCommand("completion", commandTable.completion, async ({ operands }, io) => {
  const [shell = "", ...more] = operands;
  const script = Object.hasOwn(scripts, shell) && more.length === 0 ? scripts[shell as Shell] : undefined;
  if (!script) throw new WrongUsage("name one shell: bash, zsh or fish");
  io.stdout.write(script());
  return 0;
});

type Shell = "bash" | "zsh" | "fish";

const scripts: Readonly<Record<Shell, () => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

const commands = Object.entries(commandTable) as [CommandName, Definition][];

const helpOption: OptionDefinition = { short: "h", text: "show the options and exit codes" };

/** Everything that may stand behind a command, by its long name. */
function optionsOf({ options, passed }: Definition): [string, OptionDefinition][] {
  return Object.entries({ ...options, help: helpOption, ...passed, ...options });
}

/** Choices where the operands are such, else the value that they are: FILE or DIR. */
function operandOf({ operands = "" }: Definition): Pick<OptionDefinition, "value" | "choices"> {
  const [, value] = /^(FILE|DIR)…$/.exec(operands) ?? [];
  return value ? { value } : { choices: operands.split("|").filter(Boolean) };
}

/** `-f --file`. */
function namesOf(name: string, { short }: OptionDefinition): string[] {
  return [...(short ? [`-${short}`] : []), `--${name}`];
}

function bashScript(): string {
  const cases = commands.map(([name, definition]) => {
    const options = optionsOf(definition);
    const values = options.flatMap(([option, it]) => {
      if (!takesValue(it)) return [];
      return [`        ${namesOf(option, it).join("|")}) ${bashValue(it)}; return ;;`];
    });
    const words = options.flatMap(([option, it]) => namesOf(option, it)).join(" ");
    return `    ${name})
      case "$before" in
${values.map((line) => `${line}\n`).join("")}      esac
      if [[ $word == -* ]]; then _keymount_words "${words}"
      else ${bashValue(operandOf(definition))}; fi ;;`;
  });
  return `# bash completion for keymount: source <(keymount completion bash)
_keymount_words() { COMPREPLY=($(compgen -W "$1" -- "$word")); }
_keymount_files() {
  compopt -o filenames 2>/dev/null
  local IFS=$'\\n'
  COMPREPLY=($(compgen "$1" -- "$word"))
}
_keymount() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  # bash splits --output=json at the sign.
  if [[ $word == = ]]; then word=
  elif [[ $before == = ]]; then before="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  COMPREPLY=()
  if ((COMP_CWORD == 1)) || { ((COMP_CWORD == 2)) && [[ $before == help ]]; }; then
    _keymount_words "${[...commands.map(([name]) => name), "help"].join(" ")}"
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac
}
complete -F _keymount keymount
`;
}

function bashValue({ value, choices }: Pick<OptionDefinition, "value" | "choices">): string {
  if (choices) return `_keymount_words "${choices.join(" ")}"`;
  if (value === "FILE") return "_keymount_files -f";
  return value === "DIR" ? "_keymount_files -d" : ":";
}

function zshScript(): string {
  const cases = commands.map(([name, definition]) => {
    const specs = optionsOf(definition).map(([option, it]) => zshOption(option, it));
    const operands = definition.operands ? [`'*: :${zshValue(operandOf(definition))}'`] : [];
    return `    ${name})
      _arguments -s \\
${[...specs, ...operands].map((spec) => `        ${spec}`).join(" \\\n")} ;;`;
  });
  return `#compdef keymount
# zsh completion for keymount: source <(keymount completion zsh), after compinit
_keymount() {
  local -a commands=(
${commands.map(([name, { summary }]) => `    ${shellQuoted(`${name}:${summary}`)}`).join("\n")}
    'help:Shows the commands, or the options of one'
  )
  if ((CURRENT == 2)) || { ((CURRENT == 3)) && [[ $words[2] == help ]]; }; then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${cases.join("\n")}
  esac
}
compdef _keymount keymount
`;
}

function zshOption(name: string, option: OptionDefinition): string {
  const { value = "VALUE", multiple, text } = option;
  const rest = `[${text.replace(/[\\[\]]/g, "\\$&")}]${takesValue(option) ? `:${value}:${zshValue(option)}` : ""}`;
  const names = namesOf(name, option).map((one) => (takesValue(option) && one.startsWith("--") ? `${one}=` : one));
  const before = multiple ? "\\*" : `'(${namesOf(name, option).join(" ")})'`;
  return names.length > 1
    ? `${before}{${names.join(",")}}${shellQuoted(rest)}`
    : `${multiple ? "\\*" : ""}${shellQuoted(names[0]! + rest)}`;
}

function zshValue({ value = "", choices }: Pick<OptionDefinition, "value" | "choices">): string {
  return choices ? `(${choices.join(" ")})` : ({ FILE: "_files", DIR: "_files -/" }[value] ?? "");
}

function fishScript(): string {
  const lines = commands.flatMap(([name, definition]) => {
    const within = `complete -c keymount -n '__fish_seen_subcommand_from ${name}'`;
    const operands = fishValue(operandOf(definition));
    return [
      `complete -c keymount -n __fish_use_subcommand -a ${name} -d ${fishQuoted(definition.summary)}`,
      ...(definition.operands ? [`${within} ${operands}`] : []),
      ...optionsOf(definition).map(([option, it]) => `${within} ${fishOption(option, it)}`),
    ];
  });
  return `# fish completion for keymount: keymount completion fish | source
complete -c keymount -f
complete -c keymount -n __fish_use_subcommand -a help -d 'Shows the commands, or the options of one'
complete -c keymount -n '__fish_seen_subcommand_from help' -a '${commands.map(([name]) => name).join(" ")}'
${lines.join("\n")}
`;
}

function fishOption(name: string, option: OptionDefinition): string {
  const { short, text } = option;
  const words = [...(short ? [`-s ${short}`] : []), `-l ${name}`];
  if (takesValue(option)) words.push(option.value === "FILE" ? "-r" : "-x", fishValue(option));
  return `${words.filter(Boolean).join(" ")} -d ${fishQuoted(text)}`;
}

function fishValue({ value = "", choices }: Pick<OptionDefinition, "value" | "choices">): string {
  if (choices) return `-a '${choices.join(" ")}'`;
  return { FILE: "-F", DIR: "-a '(__fish_complete_directories)'" }[value] ?? "";
}

function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
