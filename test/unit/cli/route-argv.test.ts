import { describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { routeArgv } from '../../../src/cli/route-argv.ts'

const route = (line: string) => routeArgv(line === '' ? [] : line.split(' '))

function refusal(line: string): InterceptError {
  try {
    route(line)
  } catch (error) {
    if (error instanceof InterceptError) return error
    throw error
  }
  throw new Error(`accepted: ${line}`)
}

describe('routeArgv', () => {
  it.each([
    ['svc/nginx', 'intercept', ['svc/nginx']],
    ['', 'intercept', []],
    ['list', 'list', []],
    ['-n list svc/nginx', 'intercept', ['--namespace=list', 'svc/nginx']],
    ['-A list', 'list', ['--all-namespaces']],
    ['--context=x list -o name', 'list', ['--context=x', '--output=name']],
    ['svc/a list', 'intercept', ['svc/a', 'list']],
    ['intercept list', 'intercept', ['list']],
    ['--v 4 leave svc/a', 'leave', ['--v=4', 'svc/a']]
  ])('finds the command of `%s`', (line, command, args) => {
    expect(route(line)).toMatchObject({ command, args })
  })

  it.each([
    ['list -ojson', ['--output=json']],
    ['list -o=json', ['--output=json']],
    ['list -o json', ['--output=json']],
    ['list --output json', ['--output=json']],
    ['list -Aw', ['--all-namespaces', '--watch']],
    ['list -Aojson', ['--all-namespaces', '--output=json']],
    ['list -wA=false', ['--watch', '--all-namespaces=false']],
    ['svc/a -p8080', ['--port=8080', 'svc/a']],
    ['svc/a --dry-run', ['--dry-run=client', 'svc/a']],
    ['svc/a --dry-run=none', ['--dry-run=none', 'svc/a']],
    ['--dry-run svc/a', ['--dry-run=client', 'svc/a']],
    ['svc/a --all=true', ['--all', 'svc/a']],
    ['svc/a --weight -3', ['--weight=-3', 'svc/a']],
    ['svc/a -p a=1 -p b=2:http', ['--port=a=1', '--port=b=2:http', 'svc/a']],
    ['svc/a -v6', ['--v=6', 'svc/a']],
    ['svc/a --token=', ['--token=', 'svc/a']]
  ])('brings the flags of `%s` into one form', (line, args) => {
    expect(route(line).args).toEqual(args)
  })

  it('leaves everything after the first -- alone', () => {
    expect(route('svc/a -- npm run -- list --weight')).toMatchObject({ args: ['svc/a'], child: ['npm', 'run', '--', 'list', '--weight'] })
  })

  it('hands gost its own grammar untouched', () => {
    const line = 'server -L tunnel+ws://:8421?entrypoint=:80 -D -- x'
    expect(route(line)).toMatchObject({ command: 'server', args: ['-L', 'tunnel+ws://:8421?entrypoint=:80', '-D', '--', 'x'], help: false })
    expect(route('sidecar --help')).toMatchObject({ command: 'sidecar', help: true })
  })

  it('takes -h as help of the command wherever it stands', () => {
    expect(route('list -h')).toMatchObject({ command: 'list', help: true })
    expect(route('-h list')).toMatchObject({ command: 'list', help: true })
    expect(route('svc/a --help')).toMatchObject({ command: 'intercept', help: true })
  })

  it('does not take the value of a flag for help', () => {
    expect(route('svc/a --token -h')).toMatchObject({ help: false, args: ['--token=-h', 'svc/a'] })
  })

  it.each([
    ['svc/a --wieght 30', '--wieght', 'did you mean --weight?'],
    ['list --watsh', '--watsh', 'did you mean --watch?'],
    ['svc/a -weight 30', '-weight', 'did you mean --weight?'],
    ['svc/a -port=8080', '-port', 'did you mean --port?'],
    ['list -x', '-x', 'kubectl intercept list --help'],
    ['list --weight 3', '--weight', 'kubectl intercept list --help'],
    ['svc/a -w', '-w', 'kubectl intercept --help'],
    ['svc/a --frobnicate', '--frobnicate', 'kubectl intercept --help']
  ])('refuses the foreign flag of `%s`', (line, flag, hint) => {
    const error = refusal(line)
    expect(error.code).toBe('BAD_USAGE')
    expect(error.message).toContain(flag)
    expect(error.hint).toContain(hint)
  })

  it.each(['doctor'])('says of `%s` that it comes later', line => {
    expect(refusal(line).message).toContain('comes in a later version')
  })

  it('tells how a resource named like a later command is written', () => {
    expect(refusal('doctor').hint).toContain('kubectl intercept svc/doctor')
  })

  it('guesses nothing from a single letter', () => {
    expect(refusal('list -x').hint).toBe('for the flags: kubectl intercept list --help')
  })

  it('refuses a flag without its value', () => {
    expect(refusal('svc/a --weight')).toMatchObject({ message: '--weight needs a value' })
    expect(refusal('svc/a --weight').hint).toContain('--weight N')
  })

  it('refuses a value of a switch that is neither true nor false', () => {
    expect(refusal('svc/a --all=maybe').hint).toContain('--all=false')
  })
})
