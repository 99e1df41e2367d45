/** Where the demo's lines go: text with a bar that grows in place on a terminal, or lines of JSON. */
import type { Writable } from 'node:stream'
import type { SessionEvent } from '../event/types.ts'
import { type Paint, paintWith, sampleLine } from './screen.ts'
import type { Sample } from './visitors.ts'

export interface NarratorOptions {
  stdout: Writable & { readonly isTTY?: boolean }
  color?: boolean
  output?: 'plain' | 'json'
}

export class Narrator {
  readonly paint: Paint
  readonly json: boolean
  readonly #stdout: NarratorOptions['stdout']

  constructor({ stdout, color = false, output = 'plain' }: NarratorOptions) {
    this.#stdout = stdout
    this.paint = paintWith(color)
    this.json = output === 'json'
  }

  say(line: string): void {
    if (!this.json) this.#stdout.write(`${line}\n`)
  }

  /** A sample that still grows, or with `done` its last state. */
  progress(sample: Readonly<Sample>, done = false): void {
    const inPlace = this.#stdout.isTTY === true
    if (this.json || (!done && !inPlace)) return
    this.#stdout.write(`${inPlace ? '\r\u001b[K' : ''}${sampleLine(this.paint, sample)}${done ? '\n' : ''}`)
  }

  write(value: SessionEvent | object): void {
    if (this.json) this.#stdout.write(`${JSON.stringify(value)}\n`)
  }
}
