"""An SMTP server for tests: STARTTLS or implicit TLS, AUTH, refusals, hangs and broken connections on demand.

It keeps each accepted mail as NNNNNN.eml with its envelope in NNNNNN.json, writes its port to `port`, and reads `mode.json`
at each step, so that a test can change its mind while it runs. It judges nothing."""

import asyncio
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

FOLDER, ADDRESS, CERT, KEY, WRAPPED = sys.argv[1:6]


def mode():
    try:
        with open(os.path.join(FOLDER, "mode.json"), encoding="utf-8") as file:
            wanted = json.load(file)
    except FileNotFoundError:
        return {}
    if Handler.count < wanted.get("after", 0):
        return {key: wanted[key] for key in ("login", "only_login", "no_starttls", "no_utf8", "run") if key in wanted}
    return wanted


def keep(name, data):
    hidden = os.path.join(FOLDER, "." + name)
    with open(hidden, "wb") as file:
        file.write(data)
    os.rename(hidden, os.path.join(FOLDER, name))


def note(name):
    """Counts what happened: one byte per event."""
    with open(os.path.join(FOLDER, name), "ab") as file:
        file.write(b".")


def text_of(part):
    content = part.get_content()
    return content.decode() if isinstance(content, bytes) else content


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = mode().get("rcpt", {}).get(address)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        wanted = mode()
        answer = wanted.get("data")
        if answer:
            return answer
        Handler.count += 1
        name = f"{Handler.count:06}"
        raw = envelope.original_content
        message = email.message_from_bytes(raw, policy=email.policy.default)
        parts = [[p.get_content_type(), text_of(p)] for p in message.walk() if not p.is_multipart()]
        about = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None or WRAPPED == "wrapped",
            "user": server.user,
            "hello": session.host_name,
            "type": message.get_content_type(),
            "headers": [[k, str(v)] for k, v in message.items()],
            "parts": parts,
            "defects": [str(d) for p in message.walk() for d in p.defects],
        }
        about["run"] = wanted.get("run", 0)
        about["lost"] = bool(wanted.get("lose_reply") or wanted.get("hang") == "reply")
        keep(name + ".eml", raw)
        keep(name + ".json", json.dumps(about).encode())
        server.kept.append(name)
        server.taken += 1
        await asyncio.sleep(wanted.get("slow", 0))
        if wanted.get("hang") == "reply":
            note("hung")
            await asyncio.sleep(3600)
        if wanted.get("lose_reply"):
            server.transport.abort()
            await asyncio.sleep(3600)
        return "250 kept as " + name


class Sink(SMTP):
    user = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.kept = []
        self.taken = 0

    def replies_were_read(self):
        """Who goes on in an orderly way has read the replies before."""
        for name in self.kept:
            note(name + ".known")
        self.kept = []

    async def smtp_QUIT(self, arg):
        self.replies_were_read()
        await self.hang("quit")
        await super().smtp_QUIT(arg)

    def connection_made(self, transport):
        if self.transport is None:
            note("connections")
        super().connection_made(transport)

    async def hang(self, stage):
        wanted = mode()
        if wanted.get("hang") == stage:
            note("hung")
            if wanted.get("drip"):
                while True:
                    self.transport.write(b"2")
                    await asyncio.sleep(0.05)
            await asyncio.sleep(3600)
        if wanted.get("close") == stage:
            self.transport.abort()
            await asyncio.sleep(3600)

    async def push(self, status):
        if isinstance(status, str) and status.startswith("220 ") and "Ready to start TLS" not in status:
            await self.hang("banner")
        await super().push(status)

    async def smtp_EHLO(self, hostname):
        await self.hang("ehlo")
        await super().smtp_EHLO(hostname)

    async def smtp_STARTTLS(self, arg):
        await self.hang("starttls")
        await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg):
        await self.hang("auth")
        await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg):
        self.replies_were_read()
        await self.hang("mail")
        answer = mode().get("mail")
        most, enough = mode().get("most", [sys.maxsize, None])
        if self.taken >= most:
            if enough is None:
                self.transport.abort()
                return
            answer = enough
        if answer:
            return await self.push(answer)
        await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg):
        await self.hang("rcpt")
        await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg):
        await self.hang("data")
        if mode().get("close") == "message":
            await self.push("354 go on")
            await asyncio.sleep(0.05)
            self.transport.abort()
            return
        if mode().get("hang") == "message":
            note("hung")
            await self.push("354 go on")
            await asyncio.sleep(3600)
        await super().smtp_DATA(arg)


def authenticator(server, session, envelope, mechanism, data):
    wanted = mode().get("login")
    user, password = data.login.decode(), data.password.decode()
    if wanted and [user, password] == wanted:
        server.user = user
        return AuthResult(success=True)
    # Some servers repeat what they were sent; a client must not log it.
    return AuthResult(success=False, handled=False, message=f"535 5.7.8 no: {user} {password}")


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERT, KEY)
    wrapped = WRAPPED == "wrapped"

    def session():
        extra = {} if wrapped or mode().get("no_starttls") else {"tls_context": context, "require_starttls": True}
        auth = {"authenticator": authenticator, "auth_require_tls": not wrapped} if mode().get("login") else {}
        if mode().get("only_login"):
            auth["auth_exclude_mechanism"] = ["PLAIN"]
        return Sink(Handler(), hostname="sink.test", ident="sink", enable_SMTPUTF8=not mode().get("no_utf8"), **extra, **auth)

    host, port = ADDRESS.rsplit(":", 1)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, host.strip("[]"), int(port), ssl=context if wrapped else None)
    keep("port", str(server.sockets[0].getsockname()[1]).encode())
    await server.serve_forever()


asyncio.run(main())
