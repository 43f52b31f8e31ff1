import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { askMe } from '../api.ts'
import { Brand } from './Brand.tsx'
import { Command } from './Command.tsx'
import './signin.css'

/** A link opened in another tab signs this one in as well; this often it looks whether that has happened. */
const lookAgainMs = 3_000

export function SignIn() {
  const { refetch } = useQuery(askMe)
  useEffect(() => {
    const timer = setInterval(() => document.hidden || void refetch(), lookAgainMs)
    return () => clearInterval(timer)
  }, [refetch])
  return (
    <main className="sign-in">
      <title>Sign in · Belay</title>
      <Brand size={30} />
      <h1>Sign in to Belay</h1>
      <p className="soft">One link signs you in, once. There is no password.</p>
      <section>
        <h2>On the machine of the server</h2>
        <Command>belay open</Command>
      </section>
      <section>
        <h2>Somebody else's machine: an admin makes you a link</h2>
        <Command>belay user link YOUR-NAME</Command>
      </section>
      <p className="soft">This page goes on by itself as soon as you are signed in.</p>
    </main>
  )
}
