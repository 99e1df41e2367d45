import { expect, it } from 'vitest'
import { CLIPBOARD_LIMIT_BYTES, osc52 } from '../../../src/base/osc52.ts'

it('hands the text to the terminal as UTF-8 in base64', () => {
  expect(osc52('naïve 🧀')).toBe(`\u001b]52;c;${Buffer.from('naïve 🧀').toString('base64')}\u0007`)
})

it('wraps the sequence for tmux', () => {
  expect(osc52('a', { tmux: true })).toBe('\u001bPtmux;\u001b\u001b]52;c;YQ==\u0007\u001b\\')
})

it('holds nothing of the text that a terminal could obey', () => {
  expect(osc52('\u001b]0;title\u0007\u009c')).toMatch(/^\u001b\]52;c;[A-Za-z0-9+/=]+\u0007$/)
})

it('refuses more than terminals take', () => {
  expect(osc52('é'.repeat(CLIPBOARD_LIMIT_BYTES / 2))).toHaveLength(100_000)
  expect(osc52(`${'é'.repeat(CLIPBOARD_LIMIT_BYTES / 2)}a`)).toBeUndefined()
})
