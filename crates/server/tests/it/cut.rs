//! The connection between a server and PostgreSQL is cut around every statement of a backup: before it, within it, once it was sent and once it was answered; one
//! connection, or all of them and nobody gets through any more. What was confirmed is there, what was not is whole or not there, and the server goes on by itself.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use crate::replicas::{Process, enroll};
use crate::support::{Made, Pc, Place, elsewhere, said};

/// Where around one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Before,
    Within,
    Sent,
    Answered,
}

const PHASES: [Phase; 4] = [Phase::Before, Phase::Within, Phase::Sent, Phase::Answered];

/// What happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Break {
    /// The how-many-th statement since the line was told, counted from 0.
    statement: usize,
    phase: Phase,
    /// Whether all connections end, and there is no new one until the line is mended.
    away: bool,
}

#[derive(Default)]
struct State {
    planned: Option<Break>,
    seen: usize,
    broke: bool,
    /// Both ends of every connection that was carried.
    carried: Vec<TcpStream>,
    away: bool,
    over: bool,
}

/// A line to PostgreSQL that knows where its messages begin (its manual, "Message Flow").
struct Line {
    address: SocketAddr,
    shared: Arc<(Mutex<State>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Line {
    fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared: Arc<(Mutex<State>, Condvar)> = Arc::default();
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for from in listener.incoming().map(Result::unwrap) {
                let mut state = of_thread.0.lock().unwrap();
                if state.over {
                    return;
                }
                if state.away {
                    continue;
                }
                let to = TcpStream::connect(&server).unwrap();
                for end in [&from, &to] {
                    end.set_nodelay(true).unwrap();
                    state.carried.push(end.try_clone().unwrap());
                }
                drop(state);
                carry(&Arc::new(Connection { from, to, shared: Arc::clone(&of_thread), answers: Mutex::default() }));
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Statements are counted from now on, and it breaks there.
    fn break_at(&self, planned: Break) {
        let mut state = self.shared.0.lock().unwrap();
        *state = State { planned: Some(planned), carried: std::mem::take(&mut state.carried), ..State::default() };
    }

    /// Everything goes through from now on. Whether it had broken.
    fn mend(&self) -> bool {
        let mut state = self.shared.0.lock().unwrap();
        state.planned = None;
        state.away = false;
        state.broke
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.0.lock().unwrap().over = true;
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap();
    }
}

struct Connection {
    from: TcpStream,
    to: TcpStream,
    shared: Arc<(Mutex<State>, Condvar)>,
    answers: Mutex<Answers>,
}

/// How many statements went to the database, and with the answer to which the line breaks.
#[derive(Default)]
struct Answers {
    asked: usize,
    withheld: Option<usize>,
}

fn carry(connection: &Arc<Connection>) {
    for ask in [true, false] {
        let connection = Arc::clone(connection);
        std::thread::spawn(move || {
            drop(if ask { connection.asks() } else { connection.answers() });
            for end in [&connection.from, &connection.to] {
                drop(end.shutdown(Shutdown::Both));
            }
        });
    }
}

/// A message with a letter before its length, or without one.
fn message(from: &mut impl Read, has_letter: bool) -> io::Result<Vec<u8>> {
    let head = if has_letter { 5 } else { 4 };
    let mut message = vec![0; head];
    from.read_exact(&mut message)?;
    let length = u32::from_be_bytes(message[head - 4..].try_into().unwrap());
    message.resize(head - 4 + length as usize, 0);
    from.read_exact(&mut message[head..])?;
    Ok(message)
}

impl Connection {
    fn asks(&self) -> io::Result<()> {
        let (mut from, mut to) = (io::BufReader::new(&self.from), &self.to);
        // Whether it speaks TLS, which it does not, and then who it is.
        loop {
            let first = message(&mut from, false)?;
            to.write_all(&first)?;
            if first[4..8] == 196_608_u32.to_be_bytes() {
                break;
            }
        }
        loop {
            let message = message(&mut from, true)?;
            // What ends a statement: `Sync`, or a query by itself.
            let Some(phase) = self.reached(&message).filter(|_| matches!(message[0], b'S' | b'Q')) else {
                to.write_all(&message)?;
                continue;
            };
            match phase {
                Phase::Before => {}
                Phase::Within => to.write_all(&message[..message.len() / 2])?,
                Phase::Sent => to.write_all(&message)?,
                Phase::Answered => {
                    // Whoever reads the answers breaks it.
                    to.write_all(&message)?;
                    continue;
                }
            }
            self.cut();
            return Ok(());
        }
    }

    /// Counts a statement, and says whether the line breaks at it.
    fn reached(&self, message: &[u8]) -> Option<Phase> {
        if !matches!(message[0], b'S' | b'Q') {
            return None;
        }
        let (mut state, mut answers) = (self.shared.0.lock().unwrap(), self.answers.lock().unwrap());
        answers.asked += 1;
        let number = state.seen;
        state.seen += 1;
        let planned = state.planned.filter(|_| !state.broke)?;
        if planned.statement != number {
            return None;
        }
        state.broke = true;
        if planned.phase == Phase::Answered {
            answers.withheld = Some(answers.asked);
        }
        Some(planned.phase)
    }

    fn answers(&self) -> io::Result<()> {
        let (mut from, mut to) = (io::BufReader::new(&self.to), &self.from);
        let mut one = [0];
        // The answer to the question for TLS has neither letter nor length.
        from.read_exact(&mut one)?;
        let mut rest = if one == *b"N" { None } else { Some(one) };
        if rest.is_none() {
            to.write_all(&one)?;
        }
        let mut answered = 0;
        loop {
            let message = match rest.take() {
                Some(letter) => message(&mut (&letter[..]).chain(&mut from), true)?,
                None => message(&mut from, true)?,
            };
            // The first says that one is let in.
            answered += usize::from(message[0] == b'Z');
            let withheld = self.answers.lock().unwrap().withheld;
            match withheld {
                Some(statement) if answered > statement => {
                    self.cut();
                    return Ok(());
                }
                Some(statement) if answered == statement && message[0] != b'Z' => {}
                _ => to.write_all(&message)?,
            }
        }
    }

    fn cut(&self) {
        let mut state = self.shared.0.lock().unwrap();
        if state.planned.is_some_and(|planned| planned.away) {
            state.away = true;
            state.carried.drain(..).for_each(|end| drop(end.shutdown(Shutdown::Both)));
        }
    }
}

/// Backups of one PC: their numbers are a byte here.
const BACKUPS_MAX: u64 = 200;

/// Tries until the server has found its database again.
const TRIES_MAX: u32 = 2_000;

#[test]
fn whichever_statement_the_connection_to_the_database_is_cut_at_nothing_confirmed_is_lost_and_the_server_goes_on() {
    if !elsewhere() {
        return;
    }
    let mut place = Place::new();
    drop(place.serve());
    let kept = place.run(&["retention", "set", "--keep-last", "1000"]);
    assert!(kept.status.success(), "{}", said(&kept));
    let direct = place.database().display().to_string();
    let (who, rest) = direct.split_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let line = Line::to(server.to_owned());
    place.elsewhere = Some(PathBuf::from(format!("{who}@{}/{name}", line.address)));
    let process = Process::start(&place);
    let mut pcs: Vec<(Pc, Vec<Vec<u8>>)> = Vec::new();
    let (mut tried, mut lost_answers) = (0, 0);
    let mut story = |planned: Break| {
        if pcs.last().is_none_or(|(_, receipts)| receipts.len() as u64 == BACKUPS_MAX) {
            pcs.push((enroll(&process, pcs.len()), Vec::new()));
        }
        let (pc, receipts) = pcs.last_mut().unwrap();
        let envelope = Made::new(pc, receipts.len() as u64 + 1, &[(1, 100)], &[]).whole();
        let ask = |pc: &Pc| process.ask(&pc.key, ("POST", "/api/v1/backups"), &envelope).unwrap();
        line.break_at(planned);
        let first = ask(pc);
        let broke = line.mend();
        assert!(matches!(first.0, 200 | 201 | 503), "{planned:?}: {} {}", first.0, String::from_utf8_lossy(&first.1));
        let (status, receipt) = (0..TRIES_MAX).map(|_| ask(pc)).find(|(status, _)| *status < 300).expect("it goes on");
        if first.0 == 503 {
            lost_answers += usize::from(status == 200);
        } else {
            assert_eq!((status, &receipt), (200, &first.1), "{planned:?}: what it has confirmed it knows");
        }
        receipts.push(receipt);
        tried += 1;
        broke
    };
    for away in [false, true] {
        for phase in PHASES {
            let mut broke = |statement| story(Break { statement, phase, away });
            let statements = (0..100).take_while(|statement| broke(*statement)).count();
            assert!((8..100).contains(&statements), "{phase:?}: {statements} statements");
        }
    }
    assert!(lost_answers > 0, "of some commits nobody learned at first");
    eprintln!("cuts around statements\nfaults: runs={tried} lost=0 half=0");
    for (pc, receipts) in &pcs {
        for (seq, receipt) in (1..).zip(receipts) {
            let envelope = Made::new(pc, seq, &[(1, 100)], &[]).whole();
            let again = process.ask(&pc.key, ("POST", "/api/v1/backups"), &envelope);
            assert_eq!(again, Some((200, receipt.clone())), "{seq}");
        }
    }
    drop(process);
    let app = place.open().unwrap();
    let key = app.keyring.receipt_key();
    let report = app.store.verify(&|receipt| seal::receipt::verify(receipt, &key).is_ok()).unwrap();
    assert_eq!((report.snapshots, report.findings), (tried, Vec::new()));
}
