import { expect, it } from 'vitest'
import { parseFilter } from '../../../src/filter/filter.ts'
import { filterFromFlags } from '../../../src/filter/flags.ts'

it.each([
  [{ headers: ['X-User: ada'] }, 'header.x-user:ada'],
  [{ headers: ['X-User:ada*', 'X-Team: ~^(a|b) c$'] }, 'header.x-user:ada* and header.x-team:~"^(a|b) c$"'],
  [{ headers: ['If-None-Match: "abc"'] }, 'header.if-none-match:"\\"abc\\""'],
  [{ headers: ['User-Agent: Mozilla/5.0 (X11*'] }, 'header.user-agent:"Mozilla/5.0 (X11"*'],
  [{ headers: ['X-Empty: ~^$'] }, 'header.x-empty:~^$'],
  [{ headers: ['X-Time: 12:30'] }, 'header.x-time:12:30'],
  [{ paths: ['/api/*'], methods: ['POST'], hosts: ['shop.local:8080'] }, 'path:/api/* and method:POST and host:shop.local:8080']
])('makes %j a filter that can be typed as well', (flags, text) => {
  expect(filterFromFlags(flags)?.text).toBe(text)
  expect(parseFilter(text).text).toBe(text)
})

it('asks that all flags match', () => {
  const filter = filterFromFlags({ headers: ['X-A: 1', 'X-A: 2'], methods: ['get'] })
  const subject = (values: string[]) => ({ method: 'GET', header: () => values, responseHeader: () => [] })
  expect(filter?.matches(subject(['1', '2']))).toBe(true)
  expect(filter?.matches(subject(['1']))).toBe(false)
  expect(filter?.needsAnswer).toBe(false)
})

it('is none without flags', () => {
  expect(filterFromFlags({})).toBeUndefined()
  expect(filterFromFlags({ headers: [], paths: [], methods: [], hosts: [] })).toBeUndefined()
})

it.each([
  [
    { headers: ['X-User'] },
    '--header "X-User" cannot be read: a header is a name, a colon and a value',
    "for example: --header 'X-User: ada'"
  ],
  [
    { headers: ['X-User: '] },
    '--header "X-User: " cannot be read: a value is missing',
    "for any value: --header 'X-User: *'; for an empty one: --header 'X-User: ~^$'"
  ],
  [
    { headers: ['X User: a'] },
    '--header "X User: a" cannot be read: "X User" is no name of a header',
    "for example: --header 'X-User: ada'"
  ],
  [{ paths: ['~('] }, '--path "~(" cannot be read: "(" is no regular expression: missing closing )', "for example: --path '/api/*'"],
  [
    { paths: ['api/*'] },
    '--path "api/*" cannot be read: every path begins with /, so this matches nothing',
    "for example: --path '/api/*'"
  ],
  [{ methods: [' '] }, '--method " " cannot be read: a value is missing', 'for example: --method POST'],
  [{ hosts: [''] }, '--host "" cannot be read: a value is missing', 'for example: --host nginx.local']
])('refuses %j', (flags, message, hint) => {
  expect(() => filterFromFlags(flags)).toThrow(expect.objectContaining({ code: 'BAD_USAGE', message, hint }))
})

it('refuses flags whose regular expressions are too large together', () => {
  expect(() => filterFromFlags({ paths: ['~a{300}', '~b{300}'] })).toThrow('the regular expressions are too large')
})
