import http.client
import posixpath
import time
import urllib.error
import urllib.parse
import urllib.request

from mmengine import fileio
from mmengine.fileio.backends import HTTPBackend

from semiseg_mm.errors import UserError

GONE = (404, 410)
PASSING = (408, 425, 429, 500, 502, 503, 504)  # worth another try
LARGEST = 1 << 30  # bytes of an answer
CHUNK = 1 << 20
SAFE = "%/:?&=+,;@!$'()*[]~#"


@fileio.register_backend('http', force=True, prefixes=['http', 'https'])
class PatientHTTPBackend(HTTPBackend):
    """mmengine's HTTP backend with a time limit and further tries; it takes its place.

    A file that the server does not have is a FileNotFoundError, so it counts as broken; a server
    that does not answer is a UserError, so that no image counts as broken for it.

    Args:
        timeout: Seconds without an answer.
        whole: Seconds that a whole answer may take: a server that sends a byte now and then would
            hold a worker for ever.
        largest: Bytes that an answer may have; it is kept in memory.
        tries: How often a file is asked for before the run stops.
        pause: Seconds before the second try; doubled for each further one.
    """

    def __init__(
        self,
        timeout: float = 30.0,
        tries: int = 5,
        pause: float = 1.0,
        whole: float = 600.0,
        largest: int = LARGEST,
    ) -> None:
        self.timeout, self.tries, self.pause = timeout, max(1, tries), pause
        self.whole, self.largest = whole, largest

    def get(self, filepath: str) -> bytes:
        return self._ask(filepath)

    def get_text(self, filepath: str, encoding: str = 'utf-8') -> str:
        return self._ask(filepath).decode(encoding)

    def exists(self, filepath: str) -> bool:
        """Folders cannot be asked for over HTTP: names without a suffix are taken to be there."""
        if not posixpath.splitext(urllib.parse.urlsplit(filepath).path)[1]:
            return True
        try:
            self._ask(filepath, 'HEAD')
        except FileNotFoundError:
            return False
        return True

    def _read(self, answer: http.client.HTTPResponse, url: str) -> bytes:
        """Return all of an answer, if it comes in time and is not too large."""
        end, parts, size = time.monotonic() + self.whole, [], 0
        while part := answer.read1(CHUNK):
            parts.append(part)
            size += len(part)
            if size > self.largest:
                raise UserError(
                    f'{url} has more than {self.largest} bytes: is it the right file? If so, '
                    "raise the limit: backend_args=dict(backend='http', largest=…)."
                )
            if time.monotonic() > end:
                raise TimeoutError(f'after {self.whole:g} seconds it had not come as a whole')
        if answer.length:  # read1 does not ask whether all has come
            raise http.client.IncompleteRead(b'', answer.length)
        return b''.join(parts)

    def _ask(self, url: str, method: str = 'GET') -> bytes:
        request = urllib.request.Request(urllib.parse.quote(url, safe=SAFE), method=method)
        for left in reversed(range(self.tries)):
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                    return self._read(answer, url)
            except urllib.error.HTTPError as error:
                error.close()
                reason = f'HTTP {error.code} {error.reason}'
                if error.code in GONE:
                    raise FileNotFoundError(f'{url}: {reason}') from None
                if error.code not in PASSING:
                    raise UserError(f'The server refuses {url}: {reason}.') from None
            except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
                reason = getattr(error, 'reason', None) or f'{type(error).__name__}: {error}'
            if left:
                time.sleep(self.pause * 2 ** (self.tries - 1 - left))
        raise UserError(
            f'{url} could not be fetched in {self.tries} tries ({reason}); no image was taken for '
            'broken. Check the network and the server, then go on (a training: with --resume).'
        )
