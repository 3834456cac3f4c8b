"""Find code in a post: there, and in front of words of programming languages, ``@`` is no mention.

Code is what Markdown shows as code (fences, backticks, indented blocks, as dumps have them and as
our readers write them) and what is between tags of HTML or BBCode for code. Outside of it, a word
after ``@`` is code if it is one of the languages' own words (``@Override``, ``@media``), or if what
is around it is code: ``@Query("…")``, ``* @param name``, ``import x from "@scope/name"``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

#: What a text contains that has code, but for a word of a language alone: a pattern for polars.
SIGNS = (
    r"[`\t]|~~~|    |<code|<pre|\[code|@[\w.-]+(?:[({\[\\/;\n\r]|\.[\s\w]*[({]| ?[:|+*/-]{0,2}=|"
    r"\.(?:each|map|save|push|nil|empty|update|destroy|errors|valid|select|reject|inject|sort_by))|"
    r"@(?:[a-z]+-)|(?:my|our|local|push|foreach|scalar) @|"
    r"(?:[A-SU-Z]|[A-QS-Z]T)[ (]{1,3}@|[\[{(\"'=+*<>/] ?@|"
    r"(?i:set|declare|select|npm|yarn|npx|pnpm|node_modules)[ /]"
)
#: So many fences inside of another one are looked at; a text of nothing but fences stays linear.
_MAX_INNER_FENCES = 50
#: Characters around a word that are read to see whether it is code.
_CONTEXT_CHARACTERS = 160

# --- code as Markdown and HTML mark it -----------------------------------------------------------

_LINE = re.compile(r"[^\n]*\n?")
_FENCE = re.compile(r"[ ]{0,3}(?:(?:>|[-*+]|\d{1,3}[.)]) ?){0,4}[ ]{0,3}(`{3,}|~{3,})([^\n]*)\n?")
_BACKTICKS = re.compile(r"`+")
_INDENTED = re.compile(r"(?:[ ]{4}|[ ]{0,3}\t)[^\n]*\S")
_LIST_ITEM = re.compile(r"[ \t]{0,40}(?:[-*+]|\d{1,3}[.)])\s")
_LOOKS_LIKE_CODE = re.compile(
    r"[;{}][ \t]{0,80}$|^[ \t]{0,80}(?:def|class|import|from|return|public|private|function|var|"
    r"let|const|if|"
    r"for|while|select|insert|update|set|#include|package|using|"
    r"@\w{1,60})\b[^\n]{0,200}[(){};=<>]|\(\)|=>|"
    r"->|::|\+=|==|</?\w{1,60}[^<>\n]{0,200}>|^[ \t]{0,80}[$#>] \w",
    re.I | re.M,
)
#: Platforms that show an indented block as code, whatever is in it.
_MARKDOWN_PLATFORMS = (
    *("reddit", "lemmy", "stackexchange", "stackoverflow", "github", "gitlab", "discourse"),
    *("hackernews", "lobsters"),
)
_TAGS = re.compile(
    r"(<(?:code|pre)\b[^<>]{0,200}>|\[code\b[^\[\]\n]{0,60}\])|(</(?:code|pre)>|\[/code\])", re.I
)


class CodeSpan(NamedTuple):
    """Where code is in a text: offsets in characters."""

    start: int
    end: int


def find_code(text: str, platform: str = "") -> list[CodeSpan]:
    """Return the parts of a text that are marked as code: sorted, without overlaps.

    An indented block is code if the platform shows it as such, else if it looks like code.
    A fence or a backtick that is never closed begins no code, because what follows may be prose
    with people's names in it.
    """
    if not _has_marker(text):
        return []
    spans: list[CodeSpan] = []
    prose: list[CodeSpan] = []  # paragraphs outside of fences and indented blocks
    for block, is_code in _split_blocks(text, platform in _MARKDOWN_PLATFORMS):
        (spans if is_code else prose).append(block)
    for block in prose:
        spans += _find_inline_code(text, block)
    spans += _find_tagged_code(text)
    return _merge(spans)


def _has_marker(text: str) -> bool:
    """Return whether a text can have marked code."""
    has_one = "`" in text or "    " in text or "\t" in text or "~~~" in text or "<" in text
    return has_one or "[code" in text or "[CODE" in text


def _get_hyphenated(text: str, start: int) -> str:
    match = re.match(r"-?[\w-]{1,30}", text[start + 1 : start + 32])
    return match[0] if match else ""


def _is_alone_in_line(word: str, before: str, after: str) -> bool:
    """Return whether a name as of a class or a function is all that is in one of several lines."""
    alone = (not before or before.endswith("\n")) and (not after or after.startswith("\n"))
    return alone and bool(before or after) and bool(_CAMEL_CASE.fullmatch(word))


def is_in_code(spans: Sequence[CodeSpan], position: int) -> bool:
    """Return whether a position is in one of the sorted spans."""
    at = bisect_right(spans, position, key=lambda span: span.start) - 1
    return at >= 0 and position < spans[at].end


def _split_blocks(text: str, is_markdown: bool) -> list[tuple[CodeSpan, bool]]:
    """Split a text into paragraphs of prose and blocks of code."""
    lines = [(match.start(), match.end()) for match in _LINE.finditer(text) if match[0]]
    closing = _find_closing_fences(text, lines)
    blocks: list[tuple[CodeSpan, bool]] = []
    paragraph = -1  # where the current paragraph began
    after_blank, in_list = True, False
    prose_until = -1  # the last row of an indented block that does not look like code
    row = 0
    while row < len(lines):
        start, end = lines[row]
        last = row
        is_code = False
        if row in closing:
            last, is_code = closing[row], True
        elif (
            after_blank and not in_list and row > prose_until and _INDENTED.match(text, start, end)
        ):
            prose_until = last = _find_end_of_indented(text, lines, row)
            is_code = is_markdown or bool(_LOOKS_LIKE_CODE.search(text, start, lines[last][1]))
        if is_code or text[start:end].isspace():
            if paragraph >= 0:
                blocks.append((CodeSpan(paragraph, start), False))
                paragraph = -1
            if is_code:
                blocks.append((CodeSpan(start, lines[last][1]), True))
            after_blank = True
        else:
            last = row
            if paragraph < 0:
                paragraph = start
            if _LIST_ITEM.match(text, start, end):
                in_list = True
            elif not text[start].isspace():
                in_list = False
            after_blank = False
        row = last + 1
    if paragraph >= 0:
        blocks.append((CodeSpan(paragraph, len(text)), False))
    return blocks


def _find_closing_fences(text: str, lines: list[tuple[int, int]]) -> dict[int, int]:
    """Return by row of an opening fence the row of the fence that closes it."""
    fences = []
    for row, (start, end) in enumerate(lines):
        match = _FENCE.match(text, start, end)
        if match and not (match[1][0] == "`" and "`" in match[2]):
            fences.append((row, match[1], not match[2].strip()))
    closing: dict[int, int] = {}
    at = 0
    while at < len(fences):
        row, fence, _ = fences[at]
        for later in range(at + 1, min(at + 1 + _MAX_INNER_FENCES, len(fences))):
            other_row, other, bare = fences[later]
            if bare and other.startswith(fence):
                closing[row] = other_row
                at = later
                break
        at += 1
    return closing


def _find_end_of_indented(text: str, lines: list[tuple[int, int]], row: int) -> int:
    """Return the last row of the indented block that begins in ``row``."""
    last = row
    while row < len(lines):
        start, end = lines[row]
        if _INDENTED.match(text, start, end):
            last = row
        elif not text[start:end].isspace():
            break
        row += 1
    return last


def _find_inline_code(text: str, block: CodeSpan) -> list[CodeSpan]:
    """Return code between runs of backticks of one length, as CommonMark pairs them.

    An apostrophe that is written as a backtick (it`s) begins and ends no code.
    """
    runs = [
        match
        for match in _BACKTICKS.finditer(text, block.start, block.end)
        if not (
            text[match.start() - 1 : match.start()].isalnum()
            and text[match.end() : match.end() + 1].isalnum()
        )
    ]
    next_of_length: dict[int, int] = {}
    closing = [-1] * len(runs)
    for at in range(len(runs) - 1, -1, -1):
        length = len(runs[at][0])
        closing[at] = next_of_length.get(length, -1)
        next_of_length[length] = at
    spans, at = [], 0
    while at < len(runs):
        opens = runs[at]
        before = text[opens.start() - 1 : opens.start()]
        if closing[at] < 0 or before == "\\" or before.isalnum():
            at += 1
            continue
        spans.append(CodeSpan(opens.start(), runs[closing[at]].end()))
        at = closing[at] + 1
    return spans


def _find_tagged_code(text: str) -> list[CodeSpan]:
    """Return what is between ``<code>`` or ``<pre>`` or ``[code]`` and the end of it."""
    spans, opened = [], -1
    for match in _TAGS.finditer(text):
        if match[1] and opened < 0:
            opened = match.start()
        elif match[2] and opened >= 0:
            spans.append(CodeSpan(opened, match.end()))
            opened = -1
    return spans


def _merge(spans: list[CodeSpan]) -> list[CodeSpan]:
    merged: list[CodeSpan] = []
    for span in sorted(spans):
        if merged and span.start < merged[-1].end:
            merged[-1] = CodeSpan(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


# --- words of languages --------------------------------------------------------------------------


def _split_words(words: str) -> frozenset[str]:
    return frozenset(words.split())


# In exactly this case: no person is called so, or no person's account matters more than the code.
_WORDS = _split_words(
    """
    Override Deprecated SuppressWarnings SuppressLint FunctionalInterface SafeVarargs Autowired
    Nullable NonNull NotNull NotEmpty NotBlank Nonnull Inject Injectable Singleton Qualifier
    Transactional RequestMapping GetMapping PostMapping PutMapping DeleteMapping PatchMapping
    PathVariable RequestParam RequestBody ResponseBody ResponseStatus RestController
    ControllerAdvice ExceptionHandler SpringBootApplication SpringBootTest ComponentScan
    EnableAutoConfiguration ConfigurationProperties PropertySource PostConstruct PreDestroy
    ManyToOne OneToMany OneToOne ManyToMany JoinColumn JoinTable GeneratedValue MappedSuperclass
    EntityListeners PersistenceContext NamedQuery Embeddable EmbeddedId ElementCollection
    JsonProperty JsonIgnore JsonIgnoreProperties JsonInclude JsonCreator JsonSerialize
    JsonDeserialize JsonTypeInfo JsonSubTypes JsonFormat JsonManagedReference JsonBackReference
    XmlRootElement XmlElement XmlAttribute XmlType XmlAccessorType SerializedName BeforeEach
    AfterEach BeforeAll AfterAll BeforeClass AfterClass BeforeMethod AfterMethod
    ParameterizedTest RunWith ExtendWith InjectMocks MockBean DisplayName DataProvider
    NoArgsConstructor AllArgsConstructor RequiredArgsConstructor EqualsAndHashCode ToString
    UtilityClass SneakyThrows JvmStatic JvmField JvmOverloads JvmName Parcelize Composable
    BindView ColorInt StringRes DrawableRes LayoutRes TargetApi RequiresApi VisibleForTesting
    WebServlet WebService WebMethod WebParam WebFilter ManagedBean ManagedProperty ViewScoped
    SessionScoped RequestScoped ApplicationScoped ConversationScoped FacesConverter PathParam
    QueryParam FormParam HeaderParam ApplicationPath MessageDriven Stateless CrossOrigin
    EnableWebSecurity EnableWebMvc EnableCaching CacheEvict KafkaListener FeignClient
    EnableEurekaClient CompileStatic TypeChecked ContentChild ContentChildren ViewChild
    ViewChildren HostListener HostBinding NgModule IBOutlet IBAction IBInspectable IBDesignable
    NSManaged NSApplicationMain UIApplicationMain ObservedObject StateObject EnvironmentObject
    FetchRequest AppStorage ObservationIgnored MainActor ViewBuilder NSCopying GKInspectable
    ViewBag ViewData RenderBody RenderSection ViewContext override classmethod staticmethod
    abstractmethod cached_property lru_cache contextmanager dataclass singledispatch
    total_ordering login_required csrf_exempt require_http_methods pytest asyncio unittest media
    import charset namespace supports keyframes viewport property mixin tailwind param params
    return returns throws deprecated typedef inheritdoc inheritDoc phpstan psalm
    codeCoverageIgnore dataProvider expectedException runInSeparateProcess coversDefaultClass
    ORM interface implementation synthesize autoreleasepool objc objcMembers synchronized
    dynamicMemberLookup discardableResult autoclosure testable propertyWrapper resultBuilder
    inlinable usableFromInline csrf endif endforeach endforelse endsection extends endphp elseif
    foreach shared_task EventListener ts-ignore ts-expect-error ts-nocheck font-face
    counter-style at-root property-read property-write
    """
)
# With a hyphen, which ends a name on some platforms.
_HYPHENATED = _split_words(
    """
    font-face counter-style at-root ts-ignore ts-expect-error ts-nocheck ts-check property-read
    property-write used-by font-feature-values -webkit-keyframes -moz-document custom-media
    """
)
# Modules in front of a decorator, and objects of templates.
_ROOTS = _split_words(
    """
    functools torch tf numba mock pytest asyncio click app celery unittest jax abc typing Html
    Model ViewBag Url Ajax Component router bp api blueprint flask django hypothesis nn cython
    """
)
_HTML_ATTRIBUTES = _split_words(
    """
    href src class id name value title alt type content style rel lang
    """
)
# These are names and everyday words too: only where the text around them is code.
_LIKELY_WORDS = _split_words(
    """
    Test Before After Ignore Mock Spy Rule Data Getter Setter Builder Value Slf4j Log Entity
    Table Column Id Service Component Repository Controller Configuration Bean Primary Lazy
    Scope Profile Order Aspect Around Async Scheduled Query Modifying Valid Validated Size Min
    Max Pattern Email Past Future Digits Named Resource Path Produces Consumes Context Provider
    Module Provides Retention Target Documented Inherited Repeatable Native Input Output Pipe
    Directive State Binding Published Environment Model Html Url Page Section Region Rest Get
    Post Put Delete Patch Body Field Part Header Headers Multipart Dao Database Insert Update
    Transaction Relation page include each if else while for function use forward font-face
    counter-style at-root see link author version since example type var method package license
    copyright category subpackage access static final abstract public private protected internal
    ignore todo name memberof class constructor module exports requires fires event default enum
    constant const readonly template test group before after depends small medium large
    property-read property-write mixin api uses used-by code description summary end try catch
    finally throw import available main property wraps jit app route fixture functools click
    task validates receiver asset vite once push stack guest auth can model using inject section
    layout lang switch case break continue isset empty error old screen layer container document
    apply covers Route Assert Annotation echo rem reboot optional protocol selector extend
    Schedule Delegate Grab escaping Immutable callback Embedded yield daily hourly weekly
    monthly yearly midnight flow GET POST PUT DELETE ARGV INC objc Ajax EventListener
    shared_task Singleton
    """
)
_SCOPES = _split_words(
    """
    types angular angular-devkit babel vue vuejs nestjs typescript-eslint react-native
    react-native-community react-native-firebase react-native-async-storage reduxjs mui
    material-ui emotion storybook testing-library sveltejs tanstack jest rollup webpack-cli
    eslint aws-sdk aws-cdk aws-amplify google-cloud azure firebase supabase prisma apollo
    graphql-tools graphql-codegen octokit actions ionic ionic-native capacitor fortawesome
    tailwindcss headlessui heroicons radix-ui hookform nuxt nuxtjs next vitejs vercel netlify
    cloudflare sentry datadog opentelemetry grpc nrwl nx lerna changesets commitlint
    semantic-release microsoft fluentui mdx-js ngrx ngx-translate popperjs ckeditor tiptap
    react-navigation react-spring react-three shopify stripe solana ethersproject openzeppelin
    nomiclabs nomicfoundation chakra-ui ant-design vueuse pinia quasar swc esbuild rushstack
    loopback fastify hapi koa trpc discordjs mapbox turf tensorflow huggingface openai
    anthropic-ai langchain bazel electron-forge expo trivago ng-bootstrap ngneat loadable svgr
    parcel vitest hono remix-run astrojs iconify sinonjs
    """
)
_PACKAGE_COMMAND = re.compile(
    r"(?:\b(?:npm|pnpm|yarn|bun|npx|deno)\s(?:[\w:=.@/^~-]{1,80}\s){0,8}|node_modules/)$"
)
_PACKAGE_PATH = re.compile(r"/[a-z0-9._-]{1,80}")
_CODE_LINE = re.compile(
    r"\s{0,4}(?:@\w|(?:async )?def \w{1,60}\s{0,4}\(|(?:export |default |abstract |final |"
    r"public |data )*"
    r"class \w{1,60}\s{0,4}[\s:({<]|(?:public|private|protected|internal|static|final|abstract|"
    r"override|"
    r"open|export|async|virtual)\s[\w<>\[\], ]{1,80}[({;=]|(?:fun|func|"
    r"function)\s{1,4}\w{0,60}\s{0,4}\(|"
    r"(?:val|var|let|const)\s{1,4}\w{1,60}\s{0,4}[:=]|(?:void|int|long|String|boolean|bool|"
    r"double|float|char)\s"
    r"+\w{1,60}\s{0,4}[(;=]|[\w.]{1,60}\s{0,4}\([^)\n]{0,120}\)\s{0,4}[;{]|(?:interface|enum|"
    r"struct|record)\s{1,4}\w{1,60}\s{0,4}[{(<:])"
)
_ARGUMENTS = re.compile(
    r"(?:\.\w{1,60}){0,6}\((?:\)|\{|\[|[\"'/]|[\w.]{1,60}\s{0,4}[=,]|\d+\s{0,4}[,)]|"
    r"[A-Z]\w{0,60}\.class)"
)
_AFTER_WORD = {
    "extend": re.compile(r"\s{1,4}[.%][\w-]"),
    "apply": re.compile(r"\s{1,4}[\w:/-]{1,60}(?:\s[\w:/-]{1,60}){0,12};?\s{0,4}(?:\n|$)"),
    "layer": re.compile(r"\s{1,4}[\w, ]{1,60}[{;]"),
    "container": re.compile(r"\s{0,4}(?:\w{1,60}\s{0,4})?\(\w{1,60}-"),
    "echo": re.compile(r"\s{1,4}off\b"),
    "escaping": re.compile(r"\s{1,4}\("),
    "page": re.compile(r"\s{0,4}(?:\{|:\w)"),
    "include": re.compile(r"\s{1,4}[\w-]{1,60}\s{0,4}[;({]"),
    "if": re.compile(r"\s{0,4}\(?[$(\w]"),
    "else": re.compile(r"\s{0,4}(?:\{|if\b)"),
    "each": re.compile(r"\s{1,4}\$"),
    "for": re.compile(r"\s{1,4}\$"),
    "while": re.compile(r"\s{0,4}[($]"),
    "use": re.compile(r"\s{1,4}[\"']"),
    "forward": re.compile(r"\s{1,4}[\"']"),
    "font-face": re.compile(r"\s{0,4}\{"),
    "function": re.compile(r"\s{1,4}[\w-]{1,60}\("),
    "model": re.compile(r"\s{1,4}[A-Z][\w.<>]{1,60}\s{0,4}$"),
    "using": re.compile(r"\s{1,4}(?:\(|[A-Z][\w.]{1,60})"),
    "section": re.compile(r"\s{0,4}(?:\(|\w{1,60}\s{0,4}\{)"),
}
_DOC_LINE = re.compile(
    r"(?:^|\n)[ \t]{0,40}(?:/?\*{1,2}|//[/!]?|#|--|;|%|<!--|\"\"\"|''')[ \t]{0,8}$"
)
_SQL = re.compile(
    r"\b(?:SELECT\s[^;]{1,100}\sFROM|UPDATE\s[\w.\[\]]{1,60}\sSET|INSERT\s{1,4}INTO|"
    r"DELETE\s{1,4}FROM|DECLARE\s{1,4}@|"
    r"EXEC(?:UTE)?\s{1,4}\w{0,60}[._]\w{1,60}|SET\s{1,4}@\w{1,60}\s{0,4}:?=|(?:WHERE|"
    r"AND)\s{1,4}[\w.\[\]]{1,60}\s{0,4}(?:=|<|>|IN\b|LIKE\b))"
)
_SQL_BEFORE = re.compile(
    r"(?:\b(?:SELECT|DECLARE|SET|INTO|VALUES|FROM|AND|OR|IN|LIKE|BETWEEN|THEN|ELSE|WHEN|WHERE|TOP|"
    r"PRINT|RETURN|IF|LIMIT)|[=<>(,+*/-])\s?\(?\s?$"
)
_SQL_DECLARES = re.compile(r"\b(?:SET|DECLARE|SELECT)\s{1,4}$", re.I)
_SQL_AFTER = re.compile(
    r"\s?(?::=|=\s?(?:[\d'@(]|NULL)|\s(?:AS\s)?(?:N?VARCHAR|INT|BIGINT|TABLE|BIT|DATE(?:TIME)?|"
    r"DECIMAL|FLOAT|N?CHAR|UNIQUEIDENTIFIER|XML|MONEY|SMALLINT|NUMERIC|CURSOR)\b)",
    re.I,
)
# Ruby's instance variables and Perl's arrays.
_VARIABLE_AFTER = re.compile(
    r"\s?(?:\|\|=|[-+*/]=\s\d)|\s=\s(?:[A-Z]\w{0,60}(?:::\w{1,60}){0,6}\.(?:new|find|all|where|"
    r"create|order|first)\b"
    r"|\[\]|\{\}|nil\b|params\[)|\.(?:each|map|save|push|nil\?|empty\?|update_\w{1,60}|destroy|"
    r"errors|valid\?|"
    r"select|reject|inject|sort_by)\b[!?]?(?:\s(?:do|\{)|\(|\.|[ \t]{0,80}$)",
    re.M,
)
_PERL_BEFORE = re.compile(r"\b(?:my|our|local|foreach|push|scalar)\s?\(?\s?$")
_PERL_AFTER = re.compile(r"\s?(?:=[^=]|;\s{0,4}$|,\s?[$@]|\)\s?[{;])", re.M)
_LOOP_BEFORE = re.compile(r"\b(?:for|foreach|while|if|elsif|unless)\b[^\n()]{0,30}\($")
_LOOP_AFTER = re.compile(r"\)\s?\{")
_BIBTEX = re.compile(
    r"(?:article|book|inproceedings|misc|online|phdthesis|mastersthesis|techreport|incollection|"
    r"manual|proceedings|unpublished|inbook|conference|booklet|string|preamble|comment)\s{0,4}\{",
    re.I,
)
_ATTRIBUTE = re.compile(r"\s?=\s?(?:[\"']|\w{1,60}\])")
# What a declaration goes on with after an annotation.
_DECLARATION = re.compile(
    r"\s(?:private|public|protected|static|final|weak|lateinit|var|let|val|struct|class|func|fun|"
    r"enum|"
    r"interface|@[A-Z]\w{0,60}[ (])\s?\w"
)
_CAMEL_CASE = re.compile(r"(?:[A-Z][a-z]{1,30}){2,5}|[a-z]{1,30}(?:_[a-z]{1,30}){1,5}")
#: Platforms where these words are of a language even if nothing around them is code.
_PROGRAMMING = ("stackexchange", "stackoverflow", "github", "gitlab", "hackernews", "lobsters")
_NAMES = frozenset(("Max", "Min", "Page", "Rule", "case", "page"))
#: Words that call everybody in a channel.
_EVERYBODY = frozenset(("everyone", "here", "channel"))
_CODE_AFTER = frozenset("({[\\/.,;\n\r")
_CODE_BEFORE = frozenset("[{(\"'=,+*<>/")
#: Every word that may be code where nothing else is a sign of it.
KNOWN_WORDS = _WORDS | _LIKELY_WORDS | _EVERYBODY | _ROOTS
#: "lunch @2pm", "@3x": a time or a measure.
_MEASURE = re.compile(
    r"\d{1,5}(?:am|pm|a|p|h|hr|hrs|uhr|th|st|nd|rd|k|km|kg|mph|kph|fps|hz|khz|mhz|ghz|px|min|mins|"
    r"ft|usd|eur|ea|each|ish|x|mm|cm|m|v|w|c|f|g|lb|lbs|mb|gb|tb|k?bps|rpm|psi)",
    re.I,
)


def is_known_word(word: str) -> bool:
    """Return whether a word after ``@`` may be code even where nothing else is a sign of it."""
    if "." in word:
        word = word.partition(".")[0]
    return word in KNOWN_WORDS or word[0].isdecimal()


def is_code_word(text: str, start: int, end: int, platform: str = "") -> bool:
    """Return whether ``text[start:end]``, which begins with ``@``, is code and no mention.

    Only a bounded part of the text around it is read.
    """
    word = text[start + 1 : end]
    if word in _WORDS or (word[0].isdecimal() and _MEASURE.fullmatch(word)):
        return True
    if word in _LIKELY_WORDS and word not in _NAMES and platform in _PROGRAMMING:
        return True
    if text[end : end + 1] == "-" and _get_hyphenated(text, start) in _HYPHENATED:
        return True
    if word in _EVERYBODY and platform in ("discord", "slack", "mattermost"):
        return True
    # Most mentions are followed by a space or a colon and a word, and are judged here.
    previous = text[max(0, start - 3) : start]
    if (
        text[end : end + 1] not in _CODE_AFTER
        and word not in _LIKELY_WORDS
        and "=" not in text[end : end + 4]
        and previous.rstrip()[-1:] not in _CODE_BEFORE
        and (previous == "RT " or not previous[-2:-1].isupper())
    ):
        return False
    before = text[max(0, start - _CONTEXT_CHARACTERS) : start]
    after = text[end : end + _CONTEXT_CHARACTERS]
    return (
        _is_package(word, before, after)
        or _is_annotation(word, before, after)
        or (platform in _PROGRAMMING and _is_alone_in_line(word, before, after))
        or _is_variable(before, after)
    )


def _is_package(word: str, before: str, after: str) -> bool:
    """Return whether the word is the scope of a package: ``@types/node``."""
    path = _PACKAGE_PATH.match(after)
    if not path:
        return False
    is_quoted = before[-1:] in ("'", '"') and after[path.end() : path.end() + 1] in ("'", '"', "/")
    return word in _SCOPES or is_quoted or bool(_PACKAGE_COMMAND.search(before))


def _is_annotation(word: str, before: str, after: str) -> bool:
    """Return whether the word annotates what follows, as in Java, CSS, Razor, JSDoc or BibTeX."""
    if after.startswith("\\") and word[0].isupper():
        return True  # @ORM\Column
    if _BIBTEX.match(f"{word}{after[:3]}"):
        return True
    if before.endswith("[") and _ATTRIBUTE.match(after):
        return True
    if before.endswith(("/", "//")) and word in _HTML_ATTRIBUTES:
        return True
    root, dot, member = f"{word}{after[:40]}".partition(".")
    if dot and member[:1].isalpha() and (root in _ROOTS or re.match(r"[sg]etter\b", member)):
        return True
    is_likely = word in _LIKELY_WORDS and word not in _NAMES
    if is_likely and (after.startswith("(") or _DECLARATION.match(after)):
        return True
    has_arguments = _ARGUMENTS.match(after)
    if has_arguments and (word[0].isupper() or "." in word or word in _LIKELY_WORDS):
        return True
    if word in _AFTER_WORD and _AFTER_WORD[word].match(after):
        return True
    if word in _LIKELY_WORDS and (_DOC_LINE.search(before) or before.endswith("{")):
        return True
    return _is_decorator_line(before, after)


def _is_variable(before: str, after: str) -> bool:
    """Return whether the word is a variable of SQL, Ruby or Perl."""
    is_assigned = after.lstrip().startswith(":=") or _SQL_DECLARES.search(before)
    if _SQL_AFTER.match(after) and (is_assigned or _SQL.search(before)):
        return True
    if _LOOP_BEFORE.search(before[-48:]) and _LOOP_AFTER.match(after):
        return True
    if before.rstrip().endswith(":="):
        return True
    if _SQL_BEFORE.search(before[-24:]) and _SQL.search(before):
        return True
    if _PERL_BEFORE.search(before[-16:]) and _PERL_AFTER.match(after):
        return True
    return bool(_VARIABLE_AFTER.match(after))


def _is_decorator_line(before: str, after: str) -> bool:
    """Return whether ``@word`` stands alone in a line that a line of code follows."""
    line = before.rpartition("\n")[2]
    if line.strip():
        return False
    rest, newline, following = after.partition("\n")
    arguments = re.fullmatch(
        r"[\w.]{0,60}(?:\([^()\n]{0,120}(?:\([^()\n]{0,120}\)[^()\n]{0,120})?\))?\s{0,4}", rest
    )
    return bool(newline and arguments and _CODE_LINE.match(following))
