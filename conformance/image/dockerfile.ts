// Reads the part of the Dockerfile language that this repository's own uses.
import { readFileSync } from 'node:fs';

export interface Instruction {
  readonly name: string;
  readonly text: string;
}

export interface Stage {
  /** '' for the last one. */
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

/** @throws Error for an instruction before the first stage */
export function readDockerfile(path: string): Stage[] {
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  for (const line of readFileSync(path, 'utf8').replaceAll('\\\n', '').split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, name = '', text = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'FROM') {
      const [, base = '', stage = ''] = /^(\S+)(?: AS (\S+))?$/.exec(text) ?? [];
      stages.push({ name: stage, base, instructions: [] });
    } else if (stages.length > 0) {
      stages.at(-1)!.instructions.push({ name, text });
    } else {
      throw new Error(`${line}: stands before the first stage`);
    }
  }
  return stages;
}

/** An instruction in exec form: a JSON array. @throws Error when it is in shell form */
export function execForm(text: string): string[] {
  const start = text.indexOf('[');
  if (start === -1) throw new Error(`${text}: must be in exec form`);
  return JSON.parse(text.slice(start)) as string[];
}
