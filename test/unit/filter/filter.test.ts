import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { parseFilter, type Subject } from '../../../src/filter/filter.ts'

type Known = Omit<Subject, 'header' | 'responseHeader'> & { headers?: Record<string, string[]>; response?: Record<string, string[]> }

const subject = ({ headers = {}, response = {}, ...known }: Known): Subject => ({
  ...known,
  header: name => headers[name] ?? [],
  responseHeader: name => response[name] ?? []
})

const errorOf = (text: string): InterceptError => {
  try {
    parseFilter(text)
  } catch (error) {
    if (error instanceof InterceptError) return error
    throw error
  }
  throw new Error(`${text} was read`)
}

describe('docs/filter.md', () => {
  const page = readFileSync(new URL('../../../docs/filter.md', import.meta.url), 'utf8')
  const examples = [...page.matchAll(/^\| `(.+)` \| (yes|no) \|/gm)].map(
    ([, text = '', matches = '']) => [text.replaceAll('\\|', '|'), matches] as const
  )
  const documented = subject({
    method: 'POST',
    path: '/api/checkout?coupon=A%2FB',
    host: 'shop.example.org:8080',
    status: 500,
    who: 'laptop',
    protocol: 'http/1.1',
    source: '203.0.113.9:50712',
    headers: { 'x-user': ['Ada Lovelace'], 'x-tag': ['blue', 'green'], accept: ['text/html, */*'], 'x-empty': [''] },
    response: { 'content-type': ['application/json; charset=utf-8'] }
  })

  it('has examples of every field', () => {
    expect(examples.length).toBeGreaterThan(35)
    const fields = [...page.matchAll(/^\| `([a-z]+)(?:\.NAME)?:` \|/gm)].map(match => match[1] ?? '')
    expect(fields).toEqual(['method', 'path', 'host', 'header', 'status', 'response', 'who', 'protocol', 'source'])
    for (const field of fields) expect(examples.some(([text]) => text.includes(`${field}:`) || text.includes(`${field}.`))).toBe(true)
  })

  it.each(examples)('is right about %s: %s', (text, matches) => {
    expect(parseFilter(text).matches(documented)).toBe(matches === 'yes')
  })

  it.each([...page.matchAll(/^ {4}(\S.*)$/gm)].map(match => match[1] ?? ''))('opens with a filter that can be read: %s', text => {
    expect(parseFilter(text).text).toBe(text)
  })
})

describe('a filter', () => {
  it.each(['status:500', 'response.x:a', 'who:laptop', 'protocol:ws', 'not status:2xx', 'path:/ and (method:GET or status:404)'])(
    'needs the answer for %s',
    text => {
      expect(parseFilter(text).needsAnswer).toBe(true)
    }
  )

  it.each(['cart', 'method:GET', 'path:/ and not (host:a or header.b:c)', 'source:1.2.3.4'])('needs no answer for %s', text => {
    expect(parseFilter(text).needsAnswer).toBe(false)
  })

  it('does not match what is not known yet', () => {
    for (const text of [
      'a',
      'method:*',
      'path:*',
      'host:*',
      'status:>=100',
      'status:~.',
      'who:laptop',
      'protocol:*',
      'source:*',
      'header.a:*'
    ])
      expect([text, parseFilter(text).matches(subject({}))]).toEqual([text, false])
    expect(parseFilter('not status:200').matches(subject({}))).toBe(true)
  })

  it('keeps its text, without blanks around it', () => {
    expect(parseFilter('  Status:5XX  or x ').text).toBe('Status:5XX  or x')
  })

  it('compares text that was sent as UTF-8', () => {
    const wire = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')
    const known = subject({ path: wire('/käse/🧀'), headers: { 'x-name': [wire('Jürgen')], 'x-old': ['J\u00fcrgen'] } })
    for (const text of ['käse', 'KÄSE', 'path:/käse/*', 'path:~🧀$', 'header.x-name:Jürgen', 'header.x-old:Jürgen'])
      expect([text, parseFilter(text).matches(known)]).toEqual([text, true])
  })

  it.each([
    ['203.0.113.9', '203.0.113.9:1', true],
    ['::1', '[::1]:80', true],
    ['[::1]:80', '[::1]:80', true],
    ['"2001:db8::1"', '2001:db8::1', true],
    ['2001:db8:', '2001:db8::1', false],
    ['203.0.113.9:2', '203.0.113.9:1', false]
  ])('reads source:%s of %s as an address', (text, source, matches) => {
    expect(parseFilter(`source:${text}`).matches(subject({ source }))).toBe(matches)
  })

  it.each([
    ['a*b*c', 'abc', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'acb', false],
    ['ab*ba', 'aba', false],
    ['a*bc*c', 'abc', false],
    ['*aa*aa*', 'aaa', false],
    ['*aa*aa*', 'aaaa', true],
    ['**', '', true],
    ['*.js', 'a.js.map', false]
  ])('reads path:%s for %j as people do', (pattern, path, matches) => {
    expect(parseFilter(`path:${pattern}`).matches(subject({ path }))).toBe(matches)
  })

  it.each([
    ['http://shop/cart', 'http://shop/cart'],
    ['/a:b', '/x/a:b/'],
    ['"status:500"', '/status:500'],
    ['"and"', '/sand'],
    ['a(b)c', '/a(b)c']
  ])('takes %s for a bare word', (text, path) => {
    expect(parseFilter(text).matches(subject({ path }))).toBe(true)
    expect(parseFilter(text).matches(subject({ path: '/', method: 'GET', host: 'h' }))).toBe(false)
  })

  it('takes keywords and fields in any case', () => {
    const filter = parseFilter('NOT Method:GET AND (Status:2XX OR Header.X-A:b)')
    expect(filter.matches(subject({ method: 'PUT', headers: { 'x-a': ['b'] } }))).toBe(true)
    expect(filter.matches(subject({ method: 'get', status: 200 }))).toBe(false)
  })

  it.each(['~(a+)+$', '~(a|a)*b', '~^(([a-z])+.)+[A-Z]([a-z])+$', '~(.*)(.*)(.*)(.*)[^a]x', '*a*a*a*a*a*a*a*a*b', `*${'a'.repeat(900)}b*`])(
    'ends on 64 KiB that are made against %s',
    pattern => {
      const long = subject({ path: 'a'.repeat(65_536), headers: { x: ['a'.repeat(65_535) + '\u00e4'] } })
      expect(parseFilter(`path:${pattern}`).matches(long)).toBe(pattern === '~(a+)+$')
      expect(parseFilter(`header.x:${pattern}`).matches(long)).toBe(false)
    }
  )
})

it('takes keywords that a bracket follows at once', () => {
  const filter = parseFilter('not(a or b)and(c)')
  expect(filter.matches(subject({ path: 'c' }))).toBe(true)
  expect(filter.matches(subject({ path: 'ac' }))).toBe(false)
})

it('counts brackets only while they are open', () => {
  expect(parseFilter('(a) '.repeat(60)).matches(subject({ path: 'a' }))).toBe(true)
})

describe('a filter that cannot be read', () => {
  it.each([
    ['', 'the filter cannot be read at character 1: it is empty'],
    ['   ', 'the filter cannot be read at character 1: it is empty'],
    ['stauts:500', 'the filter cannot be read at character 1: there is no field "stauts"'],
    ['a localhost:8080', 'the filter cannot be read at character 3: there is no field "localhost"'],
    ['request.x-user:a', 'the filter cannot be read at character 1: there is no field "request.x-user"'],
    ['status:', 'the filter cannot be read at character 8: a value is missing'],
    ['header.x-user: a', 'the filter cannot be read at character 15: a value is missing'],
    ['header:a', 'the filter cannot be read at character 1: header: needs the name of a header'],
    ['header.:a', 'the filter cannot be read at character 8: "" is no name of a header'],
    ['status:many', 'the filter cannot be read at character 8: "many" is no status'],
    ['status:>=40', 'the filter cannot be read at character 8: ">=40" is no status'],
    ['status:5*', 'the filter cannot be read at character 8: "5*" is no status'],
    ['who:me', 'the filter cannot be read at character 5: who: takes laptop, returned, other, cluster, replay, mirror, not "me"'],
    ['(a or b', 'the filter cannot be read at character 1: the bracket is not closed'],
    ['a or b)', 'the filter cannot be read at character 7: a bracket closes that was never opened'],
    ['()', 'the filter cannot be read at character 2: something is missing before )'],
    ['a or', 'the filter cannot be read at character 5: something is missing at the end'],
    ['a and or b', 'the filter cannot be read at character 7: something is missing before or'],
    ['or b', 'the filter cannot be read at character 1: nothing stands before or'],
    ['not', 'the filter cannot be read at character 4: something is missing at the end'],
    ['path:"/a', 'the filter cannot be read at character 6: the quote is not closed'],
    ['path:~"a"b', 'the filter cannot be read at character 10: something follows the closing quote'],
    ['a && b', 'the filter cannot be read at character 3: "&&" is no word of a filter'],
    ['a | b', 'the filter cannot be read at character 3: "|" is no word of a filter'],
    ['!status:500', 'the filter cannot be read at character 1: "!" is no word of a filter'],
    ['path:~', 'the filter cannot be read at character 6: a regular expression is missing'],
    [
      'a path:~[z-a]',
      'the filter cannot be read at character 8: "[z-a]" is no regular expression: invalid character class range, "z-a" at its character 2'
    ],
    [
      '~a(?=b)',
      'the filter cannot be read at character 1: "a(?=b)" is no regular expression: invalid or unsupported Perl syntax, "(?=" at its character 2'
    ],
    ['path:~a{600}', 'the filter cannot be read at character 6: the regular expressions are too large'],
    ['~a{300} ~b{300}', 'the filter cannot be read at character 9: the regular expressions are too large'],
    [`~${'a'.repeat(1_001)}`, 'the filter cannot be read at character 1: the regular expressions are too large'],
    ['a '.repeat(2_049), 'the filter cannot be read at character 4097: it is longer than 4096 characters'],
    ['a '.repeat(101), 'the filter cannot be read at character 201: it has more than 100 terms'],
    [`${'('.repeat(51)}a`, 'the filter cannot be read at character 52: it is nested deeper than 50 levels'],
    ['not '.repeat(51), 'the filter cannot be read at character 205: it is nested deeper than 50 levels']
  ])('is refused with its place: %j', (text, message) => {
    const error = errorOf(text)
    expect(error.message).toBe(message)
    expect(error.code).toBe('BAD_USAGE')
    expect(error.hint).toMatch(/\S/)
    expect(error.details['at']).toBe(Number(/character (\d+)/.exec(message)?.[1]) - 1)
  })

  it('is told the nearest field', () => {
    expect(errorOf('stauts:500').hint).toContain('did you mean status?')
    expect(errorOf('request.x-user:a').hint).toContain('did you mean header.x-user?')
  })

  it('never shows control characters', () => {
    for (const text of ['status:\u001b[31m', '~\u001b(', 'header.\u001b:a', 'who:\u009b'])
      expect(errorOf(text).message + errorOf(text).hint).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
  })
})
