//! One declaration: from cbindgen's output to the text of the header.

/// What is declared. The header has them in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Constant,
    Type,
    Function,
}

/// One declaration with its comment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    pub kind: Kind,
    pub name: String,
    /// Comes under ZMQ_BUILD_DRAFT_API.
    pub draft: bool,
    /// The heading (`// ---- Heading ----`) in the source under which it stands.
    pub heading: String,
    /// The comment, in the words of the header.
    pub comment: Vec<String>,
    pub declaration: String,
}

/// Longest line of a declaration.
const WIDTH: usize = 100;
/// Callback types. C programs write `zmq_free_fn *`, so that these are names of functions, not of pointers.
const CALLBACKS: &[&str] = &["zmq_free_fn", "zmq_timer_fn", "zmq_thread_fn"];
/// Groups of constants that are bit masks, best read in hexadecimal.
const HEXADECIMAL: &[&str] = &["ZMQ_EVENT_", "ZMQ_PROTOCOL_ERROR_", "ZMQ_RECONNECT_STOP_"];

/// Takes cbindgen's output apart: paragraphs of a comment and a declaration.
pub fn parse(output: &str) -> Result<Vec<Item>, String> {
    paragraphs(output)
        .iter()
        .filter(|paragraph| !is_placeholder(paragraph))
        .map(|paragraph| {
            let (comment, declaration) = split_comment(paragraph);
            Item::new(&comment, declaration.trim()).ok_or_else(|| format!("not understood: {declaration}"))
        })
        .collect()
}

/// What stands between empty lines, other than those inside comments.
fn paragraphs(output: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut in_comment = false;
    for line in output.lines() {
        in_comment = (in_comment || line.trim_start().starts_with("/*")) && !line.trim_end().ends_with("*/");
        if line.is_empty() && !in_comment {
            all.push(String::new());
        } else if let Some(last) = all.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    all.retain(|paragraph| !paragraph.is_empty());
    all
}

/// cbindgen declares `Option<callback>` as an opaque type when it does not see what the callback is.
fn is_placeholder(paragraph: &str) -> bool {
    paragraph.starts_with("typedef struct Option_")
}

/// Text constants, which cbindgen leaves out: `pub const NAME: &CStr = c"text";`
pub fn texts(source: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut comment = Vec::new();
    for line in source.lines() {
        if let Some(doc) = line.strip_prefix("///") {
            comment.push(doc.trim().to_owned());
            continue;
        }
        let constant = line.strip_prefix("pub const ").and_then(|rest| rest.split_once(": &CStr = c"));
        if let Some((name, value)) = constant {
            let declaration = format!("#define {name} {}", value.trim_end_matches(';'));
            items.extend(Item::new(&comment, &declaration));
        }
        comment.clear();
    }
    items
}

/// Gives each item the heading above it in the source, and brings constants into the source's order.
pub fn add_headings(items: &mut [Item], source: &str) {
    let position = |name: &str| {
        [
            format!("pub const {name}:"),
            format!("fn {name}("),
            format!("pub struct {name} "),
            format!("pub type {name} "),
        ]
        .iter()
        .find_map(|text| source.find(text.as_str()))
        .unwrap_or(source.len())
    };
    items.sort_by_key(|item| position(&item.name));
    for item in items {
        let before = &source[..position(&item.name)];
        let heading =
            before.lines().rev().find_map(|line| line.strip_prefix("// ---- ")?.strip_suffix(" ----"));
        item.heading = heading.unwrap_or_default().to_owned();
    }
}

fn split_comment(paragraph: &str) -> (Vec<String>, &str) {
    let Some((comment, declaration)) = paragraph.strip_prefix("/*").and_then(|rest| rest.split_once("*/"))
    else {
        return (Vec::new(), paragraph.trim());
    };
    // cbindgen puts one blank in front of each line.
    let lines =
        comment.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()).collect();
    (lines, declaration.trim())
}

impl Item {
    fn new(comment: &[String], declaration: &str) -> Option<Self> {
        let (kind, name, declaration) = if let Some(rest) = declaration.strip_prefix("#define ") {
            let (name, value) = rest.split_once(' ')?;
            (Kind::Constant, name, format!("#define {name} {}", number(name, value)))
        } else if declaration.starts_with("typedef struct ") {
            let name = declaration.strip_suffix(';')?.rsplit(' ').next()?;
            (Kind::Type, name, fields(declaration))
        } else if let Some(name) = CALLBACKS.iter().find(|name| declaration.contains(&format!("(*{name})"))) {
            let (result, arguments) = declaration.split_once(&format!("(*{name})"))?;
            (Kind::Type, *name, format!("{result}({name}) {}", parameters(arguments)))
        } else if declaration.starts_with("typedef ") {
            (Kind::Type, declaration.strip_suffix(';')?.rsplit(' ').next()?, declaration.to_owned())
        } else {
            let (front, _) = declaration.split_once('(')?;
            (Kind::Function, front.rsplit([' ', '*']).next()?, function(declaration))
        };
        let comment = plain_words(comment);
        let draft = comment.first().is_some_and(|line| line.starts_with("Draft"));
        Some(Self { kind, name: name.to_owned(), draft, heading: String::new(), comment, declaration })
    }

    /// Comment and declaration as they stand in the header.
    pub fn text(&self) -> String {
        let comment = match self.comment.as_slice() {
            [] => String::new(),
            [line] => format!("/* {line} */\n"),
            [first, rest @ ..] => {
                let mut text = format!("/* {first}\n");
                for line in rest {
                    text.push_str(format!(" * {line}").trim_end());
                    text.push('\n');
                }
                text + " */\n"
            }
        };
        format!("{comment}{}\n", self.declaration)
    }
}

/// Rust documentation in the words of a C reader.
fn plain_words(lines: &[String]) -> Vec<String> {
    let mut plain: Vec<String> = Vec::new();
    let mut after_heading = false;
    for line in lines {
        let line = line.replace("[`", "").replace("`]", "").replace('`', "");
        let line = match line.as_str() {
            "# Errors" => "Errors:",
            "# Safety" => "Arguments:",
            other => other.trim_start_matches("# "),
        };
        let skip = line.is_empty() && (plain.is_empty() || after_heading);
        after_heading = line.ends_with(':') && !line.contains(' ');
        if !skip {
            plain.push(line.to_owned());
        }
    }
    while plain.last().is_some_and(String::is_empty) {
        plain.pop();
    }
    plain
}

fn number(name: &str, value: &str) -> String {
    match value.parse::<u32>() {
        Ok(number) if HEXADECIMAL.iter().any(|prefix| name.starts_with(prefix)) => {
            let digits = if number > 0xffff { 8 } else { 4 };
            format!("0x{number:0digits$X}")
        }
        // An operand like -1 must not meet what stands in front of it.
        _ if value.starts_with('-') => format!("({value})"),
        _ => value.to_owned(),
    }
}

/// A struct with the comments of its fields on one line each.
fn fields(declaration: &str) -> String {
    let mut lines = Vec::new();
    let mut comment: Option<Vec<&str>> = None;
    for line in declaration.lines() {
        match (&mut comment, line.trim()) {
            (None, "/*") => comment = Some(Vec::new()),
            (Some(words), "*/") => {
                lines.push(format!("    /* {} */", words.join(" ")));
                comment = None;
            }
            (Some(words), text) => words.push(text),
            (None, text) if line.starts_with(' ') => lines.push(format!("    {text}")),
            (None, text) => lines.push(text.to_owned()),
        }
    }
    lines.join("\n")
}

/// A function declaration, broken into lines that fit.
fn function(declaration: &str) -> String {
    let Some(start) = declaration.find('(') else { return declaration.to_owned() };
    let (front, arguments) = declaration.split_at(start);
    let arguments = parameters(arguments);
    if front.len() + 1 + arguments.len() <= WIDTH {
        return format!("{front} {arguments}");
    }
    let mut text = format!("{front} (");
    let mut column = text.len();
    let inner = arguments.trim_start_matches('(');
    for (index, parameter) in inner.split_inclusive(", ").map(str::trim).enumerate() {
        if column + 1 + parameter.len() > WIDTH {
            text.push_str("\n    ");
            column = 4;
        } else if index > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(parameter);
        column += parameter.len();
    }
    text
}

/// `(type name, ...);` with an underscore behind each name, which keeps it apart from keywords and macros.
fn parameters(arguments: &str) -> String {
    let inner = arguments.trim().trim_end_matches(';').trim_start_matches('(').trim_end_matches(')');
    let parameters: Vec<String> = inner
        .split(", ")
        .map(|parameter| {
            let mut parameter = parameter.replace("struct zmq_", "zmq_").replace("struct Option_", "");
            for callback in CALLBACKS {
                parameter = parameter.replace(&format!("{callback} "), &format!("{callback} *"));
            }
            if parameter != "void" && !parameter.ends_with('_') {
                parameter.push('_');
            }
            parameter
        })
        .collect();
    format!("({});", parameters.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(output: &str) -> Item {
        parse(output).unwrap().pop().unwrap()
    }

    #[test]
    fn functions() {
        let item = only(
            "/*\n Does it.\n\n # Errors\n - EINVAL: `a` is wrong.\n */\nZMQ_EXPORT int zmq_x(struct zmq_msg_t *a, struct Option_zmq_free_fn f);\n",
        );
        assert_eq!((item.kind, item.name.as_str(), item.draft), (Kind::Function, "zmq_x", false));
        assert_eq!(item.declaration, "ZMQ_EXPORT int zmq_x (zmq_msg_t *a_, zmq_free_fn *f_);");
        assert_eq!(item.text().lines().next(), Some("/* Does it."));
        assert!(item.text().contains(" * Errors:\n * - EINVAL: a is wrong.\n */\n"));
        assert_eq!(only("ZMQ_EXPORT void *zmq_new(void);").declaration, "ZMQ_EXPORT void *zmq_new (void);");
        assert_eq!(only("ZMQ_EXPORT void *zmq_new(void);").name, "zmq_new");
    }

    #[test]
    fn callbacks_are_function_types() {
        let item = only("typedef void (*zmq_timer_fn)(int timer_id, void *arg);");
        assert_eq!(item.declaration, "typedef void (zmq_timer_fn) (int timer_id_, void *arg_);");
    }

    #[test]
    fn constants() {
        let item = only("/*\n Draft: x.\n */\n#define ZMQ_EVENT_X 65536");
        assert!(item.draft);
        assert_eq!(item.text(), "/* Draft: x. */\n#define ZMQ_EVENT_X 0x00010000\n");
        assert_eq!(only("#define ZMQ_A -1").declaration, "#define ZMQ_A (-1)");
        let text = texts("/// Draft: name.\npub const ZMQ_N: &CStr = c\"N\";\n").pop().unwrap();
        assert_eq!(text.declaration, "#define ZMQ_N \"N\"");
    }
}
