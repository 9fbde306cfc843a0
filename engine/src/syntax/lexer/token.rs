//! What the text is cut into. Tokens tile the text: each starts where the one before it ends.

/// One token: bytes `start..end` of the text. Layout tokens may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub start: u32,
    pub end: u32,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Blanks and tabs.
    Space,
    /// From `#` to the end of the line.
    Comment,
    /// A line end that means nothing: of a blank line, or inside brackets.
    LineBreak,
    /// A backslash with the line end behind it.
    Continuation,

    /// The end of a logical line.
    Newline,
    /// The following lines stand deeper. Empty.
    Indent,
    /// A deeper block ends. Empty.
    Dedent,
    /// The end of the file. Empty.
    End,

    Name,
    Keyword(Keyword),
    /// A word of Python that Starlark keeps for itself, such as `while`.
    Reserved,
    Int,
    Float,
    String,
    Bytes,
    /// A string whose closing quote is missing; it ends with its first line.
    UnclosedString,

    Open(Bracket),
    Close(Bracket),
    /// Stands where a bracket that is never closed should have been closed. Empty.
    MissingClose(Bracket),
    /// A closing bracket that closes nothing.
    StrayClose,
    Comma,
    Colon,
    Semicolon,
    Dot,
    Arrow,
    Ellipsis,
    /// `=`
    Assign,
    /// `+=` and its like.
    Augmented(Operator),
    Operator(Operator),
    /// A character the language has no use for.
    Unknown,
}

/// The three pairs of brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bracket {
    Round,
    Square,
    Curly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyword {
    And,
    Break,
    Continue,
    Def,
    Elif,
    Else,
    For,
    If,
    In,
    Lambda,
    Load,
    Not,
    Or,
    Pass,
    Return,
}

/// Operators, those spelt as words included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Plus,
    Minus,
    Star,
    StarStar,
    Slash,
    SlashSlash,
    Percent,
    Tilde,
    Pipe,
    Caret,
    Ampersand,
    ShiftLeft,
    ShiftRight,
    Equal,
    NotEqual,
    Less,
    Greater,
    LessEqual,
    GreaterEqual,
    And,
    Or,
    Not,
    In,
    NotIn,
}

/// Words of Python that no name may use.
pub const RESERVED_WORDS: &[&str] = &[
    "as", "assert", "async", "await", "class", "del", "except", "finally", "from", "global", "import", "is",
    "nonlocal", "raise", "try", "while", "with", "yield",
];

impl TokenKind {
    /// True for tokens a parser never looks at.
    pub fn is_trivia(self) -> bool {
        matches!(self, TokenKind::Space | TokenKind::Comment | TokenKind::LineBreak | TokenKind::Continuation)
    }

    pub fn is_string(self) -> bool {
        matches!(self, TokenKind::String | TokenKind::Bytes | TokenKind::UnclosedString)
    }

    /// True when an expression may begin with the token.
    pub fn starts_expression(self) -> bool {
        match self {
            TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Ellipsis
            | TokenKind::Open(_) => true,
            TokenKind::Keyword(Keyword::Not | Keyword::Lambda) => true,
            TokenKind::Operator(Operator::Plus | Operator::Minus | Operator::Tilde) => true,
            kind => kind.is_string(),
        }
    }
}

impl Bracket {
    pub fn open(self) -> char {
        match self {
            Bracket::Round => '(',
            Bracket::Square => '[',
            Bracket::Curly => '{',
        }
    }

    pub fn close(self) -> char {
        match self {
            Bracket::Round => ')',
            Bracket::Square => ']',
            Bracket::Curly => '}',
        }
    }
}

impl Keyword {
    /// The keyword spelt `word`.
    pub fn from_word(word: &str) -> Option<Keyword> {
        Some(match word {
            "and" => Keyword::And,
            "break" => Keyword::Break,
            "continue" => Keyword::Continue,
            "def" => Keyword::Def,
            "elif" => Keyword::Elif,
            "else" => Keyword::Else,
            "for" => Keyword::For,
            "if" => Keyword::If,
            "in" => Keyword::In,
            "lambda" => Keyword::Lambda,
            "load" => Keyword::Load,
            "not" => Keyword::Not,
            "or" => Keyword::Or,
            "pass" => Keyword::Pass,
            "return" => Keyword::Return,
            _ => return None,
        })
    }
}

impl Operator {
    pub fn text(self) -> &'static str {
        match self {
            Operator::Plus => "+",
            Operator::Minus => "-",
            Operator::Star => "*",
            Operator::StarStar => "**",
            Operator::Slash => "/",
            Operator::SlashSlash => "//",
            Operator::Percent => "%",
            Operator::Tilde => "~",
            Operator::Pipe => "|",
            Operator::Caret => "^",
            Operator::Ampersand => "&",
            Operator::ShiftLeft => "<<",
            Operator::ShiftRight => ">>",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::Greater => ">",
            Operator::LessEqual => "<=",
            Operator::GreaterEqual => ">=",
            Operator::And => "and",
            Operator::Or => "or",
            Operator::Not => "not",
            Operator::In => "in",
            Operator::NotIn => "not in",
        }
    }

    /// True for `==`, `in` and their like, which do not chain.
    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            Operator::Equal
                | Operator::NotEqual
                | Operator::Less
                | Operator::Greater
                | Operator::LessEqual
                | Operator::GreaterEqual
                | Operator::In
                | Operator::NotIn
        )
    }
}
