"""A headless Chromium that opens pages and tells what it finds: the fixture ``browser``."""

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'chrome-headless-shell')
FOUND = next(filter(None, map(shutil.which, NAMES)), None)
OPTIONS = ('--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--no-first-run')
OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'


class Browser:
    """Drive one Chromium through pipes, so that neither a port nor a package is needed.

    ``complaints`` collects of a page errors of the console and of scripts, and each address that it
    asks for beside files and ``data:``.
    """

    def __init__(self, profile: Path) -> None:
        read, self._out = os.pipe()
        self._in, write = os.pipe()

        def as_3_and_4() -> None:
            ends = os.dup(read), os.dup(write)
            os.dup2(ends[0], 3), os.dup2(ends[1], 4)

        command = [FOUND, *OPTIONS, '--remote-debugging-pipe', f'--user-data-dir={profile}']
        self._process = subprocess.Popen(
            command,
            preexec_fn=as_3_and_4,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read), os.close(write)
        self._waiting, self._number, self._session = b'', 0, None
        self.complaints: list[str] = []
        target = self._ask('Target.createTarget', url='about:blank')['targetId']
        attached = self._ask('Target.attachToTarget', targetId=target, flatten=True)
        self._session = attached['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self._ask(f'{domain}.enable')

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self._process.terminate()
        self._process.wait(20)
        os.close(self._in), os.close(self._out)

    def open(self, page: Path, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a file in a window of so many pixels; below 600 of width it is a phone's."""
        size = dict(width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self._ask('Emulation.setDeviceMetricsOverride', **size)
        scheme = dict(name='prefers-color-scheme', value='dark' if dark else 'light')
        self._ask('Emulation.setEmulatedMedia', features=[scheme])
        self.complaints.clear()
        self._ask('Page.navigate', url=page.resolve().as_uri())
        self._until(lambda said: said.get('method') == 'Page.loadEventFired')

    def value(self, expression: str):
        """Return what an expression of JavaScript comes to."""
        found = self._ask('Runtime.evaluate', expression=expression, returnByValue=True)
        assert 'exceptionDetails' not in found, found
        return found['result'].get('value')

    def picture(self, file: Path) -> None:
        """Draw the whole page as PNG."""
        size = self._ask('Page.getLayoutMetrics')['cssContentSize']
        clip = dict(x=0, y=0, width=size['width'], height=size['height'], scale=1)
        found = self._ask('Page.captureScreenshot', clip=clip, captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(found['data']))

    # ------------------------------------------------------------------ the pipes

    def _ask(self, method: str, **params) -> dict:
        self._number += 1
        message = dict(id=self._number, method=method, params=params)
        if self._session:
            message['sessionId'] = self._session
        os.write(self._out, json.dumps(message).encode() + b'\0')
        answer = self._until(lambda said, number=self._number: said.get('id') == number)
        assert 'error' not in answer, answer
        return answer['result']

    def _until(self, is_meant, seconds: float = 60.0) -> dict:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            while b'\0' not in self._waiting:
                part = os.read(self._in, 1 << 16)
                assert part, 'Chromium has ended'
                self._waiting += part
            text, self._waiting = self._waiting.split(b'\0', 1)
            said = json.loads(text)
            self._note(said.get('method'), said.get('params') or {})
            if is_meant(said):
                return said
        raise TimeoutError('Chromium does not answer')

    def _note(self, method: str | None, params: dict) -> None:
        if method == 'Runtime.exceptionThrown':
            self.complaints.append(str(params['exceptionDetails']))
        elif method == 'Runtime.consoleAPICalled' and params['type'] in ('error', 'warning'):
            self.complaints.append(str(params['args']))
        elif method == 'Log.entryAdded' and params['entry']['level'] in ('error', 'warning'):
            self.complaints.append(params['entry']['text'])
        elif method == 'Network.requestWillBeSent':
            url = params['request']['url']
            if not url.startswith(('file:', 'data:', 'about:')):
                self.complaints.append(f'asks for {url}')
