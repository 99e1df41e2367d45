/** Keys while a question stands in the last line but one: a filter, a weight, a file name. */
import { asError } from '../base/errors.ts'
import { type Filter, parseFilter } from '../filter/filter.ts'
import type { Effect, Model, Prompt } from './model.ts'

export interface PromptContext {
  /** Of the exchanges listed, oldest first. */
  readonly ids: readonly string[]
  readonly targets: readonly string[]
}

export interface Pressed {
  readonly model: Model
  readonly effect?: Effect
}

/** What a command is about: the target that the keys act on. */
export const targetsOf = ({ target }: Model, { targets }: PromptContext): string[] => {
  const name = target ?? targets[0]
  return name === undefined ? [] : [name]
}

const MAX_CHARS = 1_000

export function pressPrompt(model: Model, key: string, context: PromptContext): Pressed {
  const { prompt } = model
  if (prompt === undefined) return { model }
  if (key === 'escape') return { model: { ...model, prompt: undefined } }
  if (key === 'enter') return answer(model, prompt, context)
  const text = typed(prompt.text, key)
  if (text === prompt.text) return { model }
  const { error } = prompt.kind === 'filter' ? filterFrom(text) : {}
  return { model: { ...model, prompt: { kind: prompt.kind, text, ...(error === undefined ? {} : { error }) } } }
}

function typed(text: string, key: string): string {
  if (key === 'backspace' || key === 'delete') return text.replace(/.$/su, '')
  if (key === 'ctrl-u') return ''
  if (key === 'ctrl-w') return text.replace(/\S*\s*$/, '')
  if (key === 'space') return `${text} `
  if (NAMED.test(key)) return text
  // A paste comes in one piece; what does not print has no place here.
  return (text + key.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '')).slice(0, MAX_CHARS)
}

const NAMED = /^(?:up|down|left|right|pageup|pagedown|home|end|tab|ctrl-.)$/

function answer(model: Model, prompt: Prompt, context: PromptContext): Pressed {
  const text = prompt.text.trim()
  const closed: Model = { ...model, prompt: undefined }
  if (prompt.kind === 'filter') {
    const { filter, error } = filterFrom(text)
    if (error !== undefined) return { model: { ...model, prompt: { ...prompt, error } } }
    return { model: { ...closed, filter, following: true, cursor: undefined } }
  }
  if (text === '') return { model: closed }
  if (prompt.kind === 'export') return { model: closed, effect: { kind: 'export', name: withEnding(text), ids: context.ids } }
  const share = shareFrom(text)
  if (share === undefined) return { model: { ...model, prompt: { ...prompt, error: 'a weight is 1…255, a share 1%…100%' } } }
  const args = { targets: targetsOf(model, context), ...share }
  return { model: closed, effect: { kind: 'set', args, done: 'weight' in share ? `weight ${share.weight}` : `a share of ${text}` } }
}

const withEnding = (name: string): string => (/\.har$/i.test(name) ? name : `${name}.har`)

/** `30` → weight 30, `50%` → half. */
function shareFrom(text: string): { weight: number } | { split: number } | undefined {
  const found = /^(\d{1,3})\s*(%?)$/.exec(text)
  const value = Number(found?.[1] ?? 0)
  if (found === null || value < 1) return undefined
  if (found[2] === '%') return value <= 100 ? { split: value / 100 } : undefined
  return value <= 255 ? { weight: value } : undefined
}

/** Neither of both for an empty text: that is no filter. */
function filterFrom(text: string): { filter?: Filter; error?: string } {
  if (text.trim() === '') return {}
  try {
    return { filter: parseFilter(text) }
  } catch (error) {
    return { error: asError(error).message }
  }
}
